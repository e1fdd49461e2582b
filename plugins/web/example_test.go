package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/plugins/web"
)

func Example() {
	// A server on this machine stands for the forge.
	forge := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/repos/o/r/pulls/1" {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(rw, `{"title":"Fix it","state":"merged"}`)
	}))
	defer forge.Close()
	host := strings.TrimPrefix(forge.URL, "http://")

	client, err := web.New(web.Options{
		UserAgent:   "my-forge/1.0",
		Header:      http.Header{"Accept": {"application/json"}},
		Credentials: []web.Credential{{Host: host, From: []web.Source{web.Env("MY_FORGE_TOKEN")}}},
		Insecure:    []string{host}, // a forge of the world is asked over https
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var pull struct{ Title, State string }
	if _, err := client.JSON(ctx, forge.URL+"/repos/o/r/pulls/1", &pull); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(pull.Title, pull.State)
	_, err = client.Get(ctx, forge.URL+"/repos/o/r/pulls/2")
	fmt.Println(errors.Is(err, web.ErrNotFound))
	// Output:
	// Fix it merged
	// true
}
