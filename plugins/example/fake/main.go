// Command fake is Harbour's interface on this machine, with one issue: for trying
// the plugin out. It listens on the address that it is given.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: fake 127.0.0.1:PORT")
		os.Exit(2)
	}
	http.HandleFunc("GET /acme/engine/issues/7", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `{"title": "The hull leaks", "open": true, "berth": "in dry dock", "labels": ["backport stable/1"], "updated": "2026-01-02T03:04:05Z"}`)
	})
	server := &http.Server{Addr: os.Args[1], ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}
