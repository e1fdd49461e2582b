package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kept is an exporter that keeps its spans when it is shut down.
type kept struct{ *tracetest.InMemoryExporter }

func (kept) Shutdown(context.Context) error { return nil }

// TestRecord holds what a span says, and that an error's text is not in it.
func TestRecord(t *testing.T) {
	s := New("1.2", slog.New(slog.DiscardHandler))
	s.Record("request", "hover", "", time.Second, nil) // which nobody gets
	memory := kept{tracetest.NewInMemoryExporter()}
	if err := s.use("", memory); err != nil {
		t.Fatal(err)
	}
	s.Record("request", "hover", "", 3*time.Second, nil)
	s.Record("task", "clone", "nova", time.Second, errors.New("secret"))
	s.Record("task", "fetch", "nova", time.Second, fmt.Errorf("it: %w", context.Canceled))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, span := range memory.GetSpans() {
		text := fmt.Sprint(span.Name, " ", span.SpanKind, " ", span.EndTime.Sub(span.StartTime), " ", span.Status.Code, " ", span.Status.Description)
		for _, a := range span.Attributes {
			text += fmt.Sprintf("[%s=%s]", a.Key, a.Value.String())
		}
		got = append(got, fmt.Sprint(text, len(span.Events), " ", span.Resource.Encoded(attribute.DefaultEncoder())))
	}
	const about = "0 service.name=cabhfuil-lsp,service.version=1.2"
	want := []string{
		"hover server 3s Unset [cabhfuil.kind=request]" + about,
		"clone internal 1s Error [cabhfuil.kind=task][cabhfuil.repository=nova]" + about,
		"fetch internal 1s Unset [cabhfuil.kind=task][cabhfuil.repository=nova][cabhfuil.cancelled=true]" + about,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}

// TestConfigure sends nothing unless somebody says where to, and takes changes.
func TestConfigure(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"} {
		t.Setenv(name, "")
	}
	asked := make(chan string, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
	defer func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		collector.Close()
	}()
	s := New("1.2", slog.New(slog.DiscardHandler))
	configure := func(endpoint string) {
		t.Helper()
		if err := s.Configure(endpoint); err != nil {
			t.Fatal(err)
		}
		s.Record("request", "hover", "", time.Second, nil)
	}
	configure("")
	if s.provider != nil || len(asked) > 0 {
		t.Error("it sends although nobody says where to")
	}
	configure(collector.URL + "/")
	first := s.provider
	configure(collector.URL + "/")
	if s.provider != first {
		t.Error("the same configuration begins anew")
	}
	configure("") // which sends what is left
	if got := <-asked; got != "/v1/traces" || s.provider != nil {
		t.Errorf("asked for %s", got)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	configure("http://127.0.0.1:1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "/v1/traces" {
		t.Errorf("by the environment: %s", got)
	}
	t.Setenv("OTEL_SDK_DISABLED", "true")
	configure("")
	if s.provider != nil {
		t.Error("it sends although it is disabled")
	}
}
