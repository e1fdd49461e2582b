// Package telemetry sends what the program does to a collector of OpenTelemetry, for
// who runs one: a span for each request and each long operation, when it has ended.
// It owns the library and when it is used; what is told, and under which names, is
// for those who record.
//
// Nothing is sent unless the user's environment or configuration names where to. A
// span has the operation's name, how it ended, its times and the name of the
// repository: no key, query, message, path, address or error text ever is in one.
package telemetry

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Spans sends spans, or drops them while nowhere is named. Recording never blocks:
// what a collector does not take in time is dropped. It is safe for concurrent use.
type Spans struct {
	version string
	log     *slog.Logger

	mu       sync.RWMutex
	endpoint string              // as it was configured last
	provider *sdk.TracerProvider // nil while nothing is sent
	tracer   trace.Tracer
}

// New sends nothing yet; see Configure.
func New(version string, log *slog.Logger) *Spans { return &Spans{version: version, log: log} }

// environment says whether the environment names a collector (OpenTelemetry's
// specification, "OpenTelemetry Protocol Exporter"); the library reads where it is.
func environment() bool {
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")) != ""
}

func disabled() bool { return strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") }

// Configure sends to the collector at endpoint from now on, such as
// http://localhost:4318; the environment counts before it, and with neither nothing
// is sent.
func (s *Spans) Configure(endpoint string) error {
	s.mu.RLock()
	same := s.endpoint == endpoint && (s.provider != nil || endpoint == "" && !environment())
	s.mu.RUnlock()
	if same || disabled() {
		return nil
	}
	var exporter sdk.SpanExporter
	if endpoint != "" || environment() {
		var options []otlptracehttp.Option
		if !environment() {
			options = append(options, otlptracehttp.WithEndpointURL(strings.TrimSuffix(endpoint, "/")+"/v1/traces"))
		}
		var err error
		if exporter, err = otlptracehttp.New(context.Background(), options...); err != nil { // which connects later
			return err
		}
		// The library would write on standard error.
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { s.log.Debug("sending spans", "error", err) }))
	}
	return s.use(endpoint, exporter)
}

// use sends by an exporter from now on, or by none.
func (s *Spans) use(endpoint string, exporter sdk.SpanExporter) error {
	var provider *sdk.TracerProvider
	var tracer trace.Tracer
	if exporter != nil {
		about := resource.NewSchemaless(attribute.String("service.name", "cabhfuil-lsp"), attribute.String("service.version", s.version))
		provider = sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
		tracer = provider.Tracer("github.com/cabhfuil/cabhfuil-lsp", trace.WithInstrumentationVersion(s.version))
	}
	s.mu.Lock()
	before := s.provider
	s.endpoint, s.provider, s.tracer = endpoint, provider, tracer
	s.mu.Unlock()
	return shutDown(before)
}

// Close sends what is left, for a moment at most.
func (s *Spans) Close() error { return s.use("", nil) }

// patience is how long the last spans may take.
const patience = 2 * time.Second

func shutDown(provider *sdk.TracerProvider) error {
	if provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := provider.Shutdown(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// Record tells of an operation of a kind, such as request or task, that ended just
// now after took: well, or with err. repository may be "".
func (s *Spans) Record(kind, operation, repository string, took time.Duration, err error) {
	s.mu.RLock()
	tracer := s.tracer
	s.mu.RUnlock()
	if tracer == nil {
		return
	}
	now := time.Now()
	attributes := []attribute.KeyValue{attribute.String("cabhfuil.kind", kind)}
	if repository != "" {
		attributes = append(attributes, attribute.String("cabhfuil.repository", repository))
	}
	as := trace.SpanKindInternal
	if kind == "request" {
		as = trace.SpanKindServer
	}
	_, span := tracer.Start(context.Background(), operation, trace.WithTimestamp(now.Add(-took)), trace.WithSpanKind(as), trace.WithAttributes(attributes...))
	switch {
	case errors.Is(err, context.Canceled):
		span.SetAttributes(attribute.Bool("cabhfuil.cancelled", true))
	case err != nil:
		span.SetStatus(codes.Error, "") // an error's text may name anything
	}
	span.End(trace.WithTimestamp(now))
}
