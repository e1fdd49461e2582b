package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// keeper is a host whose answer has the given headers, and what it was asked.
type keeper struct {
	header     map[string]string
	status     int
	body       string
	hang       atomic.Bool  // it does not answer
	full, same atomic.Int32 // answers in full, and 304
}

func (k *keeper) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if k.hang.Load() {
		<-r.Context().Done()
		return
	}
	for name, v := range k.header {
		rw.Header().Set(name, v)
	}
	etag, modified := k.header["ETag"], k.header["Last-Modified"]
	if etag != "" && r.Header.Get("If-None-Match") == etag || etag == "" && modified != "" && r.Header.Get("If-Modified-Since") == modified {
		k.same.Add(1)
		rw.WriteHeader(http.StatusNotModified)
		return
	}
	k.full.Add(1)
	if k.status != 0 {
		rw.WriteHeader(k.status)
	}
	fmt.Fprint(rw, k.body)
}

func (k *keeper) check(t *testing.T, what string, full, same int32) {
	t.Helper()
	if k.full.Load() != full || k.same.Load() != same {
		t.Errorf("%s: %d answers in full and %d confirmed, want %d and %d", what, k.full.Load(), k.same.Load(), full, same)
	}
}

func TestCache(t *testing.T) {
	for _, test := range []struct {
		name       string
		header     map[string]string
		options    Options
		soon       [2]int32 // in full and confirmed, after a second look 10 s later
		later      [2]int32 // after a third one an hour later
		longAfter  [2]int32 // after a fourth one a second after that
		statusGone int
	}{
		{name: "ETag", header: map[string]string{"ETag": `"1"`}, soon: [2]int32{1, 1}, later: [2]int32{1, 2}, longAfter: [2]int32{1, 3}},
		{name: "Last-Modified", header: map[string]string{"Last-Modified": "Sat, 01 Jan 2000 00:00:00 GMT"}, soon: [2]int32{1, 1}, later: [2]int32{1, 2}, longAfter: [2]int32{1, 3}},
		{name: "max-age", header: map[string]string{"ETag": `"1"`, "Cache-Control": "private, max-age=60, s-maxage=60"}, soon: [2]int32{1, 0}, later: [2]int32{1, 1}, longAfter: [2]int32{1, 1}},
		{name: "max-age without validator", header: map[string]string{"Cache-Control": "max-age=60"}, soon: [2]int32{1, 0}, later: [2]int32{2, 0}, longAfter: [2]int32{2, 0}},
		{name: "max-age, old already", header: map[string]string{"ETag": `"1"`, "Cache-Control": "max-age=60", "Age": "55"}, soon: [2]int32{1, 1}, later: [2]int32{1, 2}, longAfter: [2]int32{1, 2}},
		{name: "Expires", header: map[string]string{"ETag": `"1"`, "Expires": "Sat, 01 Jan 2000 00:01:00 GMT"}, soon: [2]int32{1, 0}, later: [2]int32{1, 1}, longAfter: [2]int32{1, 2}},
		{name: "Expires: 0", header: map[string]string{"ETag": `"1"`, "Expires": "0"}, options: Options{TTL: time.Hour}, soon: [2]int32{1, 1}, later: [2]int32{1, 2}, longAfter: [2]int32{1, 3}},
		{name: "no-cache", header: map[string]string{"ETag": `"1"`, "Cache-Control": "no-cache, max-age=60"}, soon: [2]int32{1, 1}, later: [2]int32{1, 2}, longAfter: [2]int32{1, 3}},
		{name: "no-store", header: map[string]string{"ETag": `"1"`, "Cache-Control": "no-store"}, soon: [2]int32{2, 0}, later: [2]int32{3, 0}, longAfter: [2]int32{4, 0}},
		{name: "no-store of everything", header: map[string]string{"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Expires": "Mon, 01 Jan 1990 00:00:00 GMT"}, options: Options{IgnoreCacheControl: true, TTL: time.Minute}, soon: [2]int32{1, 0}, later: [2]int32{2, 0}, longAfter: [2]int32{2, 0}},
		{name: "Vary: *, ignoring the rest", header: map[string]string{"Vary": "*"}, options: Options{IgnoreCacheControl: true, TTL: time.Minute}, soon: [2]int32{2, 0}, later: [2]int32{3, 0}, longAfter: [2]int32{4, 0}},
		{name: "Vary: *", header: map[string]string{"ETag": `"1"`, "Vary": "*"}, soon: [2]int32{2, 0}, later: [2]int32{3, 0}, longAfter: [2]int32{4, 0}},
		{name: "malformed", header: map[string]string{"ETag": `"1"`, "Cache-Control": `max-age="x`}, soon: [2]int32{1, 1}, later: [2]int32{1, 2}, longAfter: [2]int32{1, 3}},
		{name: "nothing said", soon: [2]int32{2, 0}, later: [2]int32{3, 0}, longAfter: [2]int32{4, 0}},
		{name: "TTL", options: Options{TTL: time.Minute}, soon: [2]int32{1, 0}, later: [2]int32{2, 0}, longAfter: [2]int32{2, 0}},
		{name: "absent", statusGone: 404, soon: [2]int32{1, 0}, later: [2]int32{2, 0}, longAfter: [2]int32{2, 0}},
		{name: "gone, with an ETag", statusGone: 410, header: map[string]string{"ETag": `"1"`}, soon: [2]int32{1, 0}, later: [2]int32{1, 1}, longAfter: [2]int32{1, 1}},
		{name: "absent, not kept", statusGone: 404, options: Options{NegativeTTL: -1}, soon: [2]int32{2, 0}, later: [2]int32{3, 0}, longAfter: [2]int32{4, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				k := &keeper{header: test.header, status: test.statusGone, body: "body"}
				w.serve("forge.example", k.ServeHTTP)
				test.options.CacheDir = t.TempDir()
				look := func() {
					t.Helper()
					c := w.client(test.options) // each look is after a restart
					a, err := c.Get(t.Context(), "http://forge.example/?a=b")
					if test.statusGone != 0 {
						if e := wantErr(t, err, ErrNotFound); e.Status != test.statusGone {
							t.Error(err)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					if string(a.Body) != "body" || a.Header.Get("ETag") != test.header["ETag"] || a.Stale != nil {
						t.Errorf("answered %q with %v", a.Body, a.Header)
					}
				}
				look()
				k.check(t, "at first", 1, 0)
				time.Sleep(10 * time.Second)
				look()
				k.check(t, "soon", test.soon[0], test.soon[1])
				time.Sleep(time.Hour)
				look()
				k.check(t, "later", test.later[0], test.later[1])
				time.Sleep(time.Second)
				look()
				k.check(t, "a second after that", test.longAfter[0], test.longAfter[1])
			})
		})
	}
}

func TestCacheChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := &keeper{header: map[string]string{"ETag": `"1"`}, body: "old"}
		w.serve("forge.example", k.ServeHTTP)
		c := w.client(Options{CacheDir: t.TempDir()})
		get(t, c, "http://forge.example/", "old")
		k.header, k.body = map[string]string{"ETag": `"2"`}, "new"
		get(t, c, "http://forge.example/", "new")
		if a := get(t, c, "http://forge.example/", "new"); !a.Cached {
			t.Error("it was not taken from the cache")
		}
		k.check(t, "after a change", 2, 1)
		k.header, k.status = nil, 404
		_, err := c.Get(t.Context(), "http://forge.example/")
		wantErr(t, err, ErrNotFound)
		k.status = 200
		_, err = c.Get(t.Context(), "http://forge.example/") // not yet
		wantErr(t, err, ErrNotFound)
		time.Sleep(6 * time.Minute)
		get(t, c, "http://forge.example/", "new")
	})
}

// TestCacheOfGarbage holds that what could not be decoded is asked for anew.
func TestCacheOfGarbage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := &keeper{body: "<html>"}
		w.serve("forge.example", k.ServeHTTP)
		c := w.client(Options{CacheDir: t.TempDir(), TTL: time.Hour, StaleFor: time.Hour})
		var into []int
		for range 2 {
			if _, err := c.JSON(t.Context(), "http://forge.example/", &into); !errors.Is(err, ErrMalformed) {
				t.Error(err)
			}
			err := c.Pages(t.Context(), "http://forge.example/list", func(page *Response) error { return json.Unmarshal(page.Body, &into) })
			if err == nil {
				t.Error("a page of garbage is none")
			}
		}
		k.check(t, "garbage", 4, 0)
		k.body = "[1]"
		for range 2 {
			if _, err := c.JSON(t.Context(), "http://forge.example/", &into); err != nil || len(into) != 1 {
				t.Error(into, err)
			}
		}
		k.check(t, "what can be read", 5, 0)
	})
}

func TestCacheClockSetBack(t *testing.T) {
	now := time.Now()
	e := entry{Checked: now.Add(time.Hour), Fresh: 2 * time.Hour}
	if e.fresh(now) {
		t.Error("an answer from the future counts")
	}
}

func TestStale(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := &keeper{header: map[string]string{"Cache-Control": "max-age=1"}, body: "old"}
		strict := &keeper{header: map[string]string{"Cache-Control": "max-age=1, must-revalidate", "ETag": `"1"`}, body: "old"}
		w.serve("forge.example", k.ServeHTTP)
		w.serve("strict.example", strict.ServeHTTP)
		o := Options{CacheDir: t.TempDir(), StaleFor: time.Hour}
		c := w.client(o)
		get(t, c, "http://forge.example/", "old")
		get(t, c, "http://strict.example/", "old")
		c.Close()
		synctest.Wait()
		w.setDown("forge.example", true)
		w.setDown("strict.example", true)
		time.Sleep(time.Minute)
		c = w.client(o)
		a := get(t, c, "http://forge.example/", "old")
		if wantErr(t, a.Stale, ErrOffline); !a.Cached || time.Since(a.Checked) < time.Minute {
			t.Errorf("%+v", a)
		}
		// A deadline that is near is answered with what there is; who leaves, is not.
		w.setDown("forge.example", false)
		k.hang.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		before := time.Now()
		a, err := w.client(o).Get(ctx, "http://forge.example/")
		cancel()
		if err != nil || string(a.Body) != "old" || !errors.Is(a.Stale, context.DeadlineExceeded) || time.Since(before) != 150*time.Millisecond {
			t.Errorf("after %s: %+v, %v", time.Since(before), a, err)
		}
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		_, err = w.client(o).Get(ctx, "http://forge.example/")
		wantErr(t, err, context.Canceled)
		k.hang.Store(false)
		w.setDown("forge.example", true)
		_, err = c.Get(t.Context(), "http://strict.example/")
		wantErr(t, err, ErrOffline)
		time.Sleep(time.Hour)
		_, err = w.client(o).Get(t.Context(), "http://forge.example/")
		wantErr(t, err, ErrOffline)
		w.setDown("forge.example", false)
		time.Sleep(time.Minute)
		k.status = 403 // the host is there and says no
		_, err = w.client(o).Get(t.Context(), "http://forge.example/")
		wantErr(t, err, ErrUnauthorized)
	})
}

func TestCacheSize(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Cache-Control", "max-age=1000000")
			if r.URL.Path == "/large" {
				fmt.Fprint(rw, strings.Repeat("x", 100_000))
			}
			fmt.Fprint(rw, strings.Repeat("x", 1000))
		})
		dir := t.TempDir()
		dead := filepath.Join(dir, "1"+asideSuffix)
		foreign := filepath.Join(dir, "somebody's")
		for _, path := range []string{dead, foreign} {
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-2 * asideAge)
			if err := os.Chtimes(path, old, old); err != nil {
				t.Fatal(err)
			}
		}
		c := w.client(Options{CacheDir: dir, CacheSize: 20_000})
		for i := range 100 {
			time.Sleep(time.Second) // so that the order is by use
			if _, err := c.Get(t.Context(), fmt.Sprintf("http://forge.example/%d", i)); err != nil {
				t.Fatal(err)
			}
			if a, err := c.Get(t.Context(), "http://forge.example/0"); err != nil || i > 0 && !a.Cached {
				t.Fatalf("what is used most was removed: %v", err)
			}
			if size := sizeOf(t, dir); size > 20_000 {
				t.Fatalf("%d bytes are kept", size)
			}
		}
		if size := sizeOf(t, dir); size < 10_000 {
			t.Errorf("only %d bytes are kept", size)
		}
		for range 2 {
			if a, err := c.Get(t.Context(), "http://forge.example/large"); err != nil || a.Cached {
				t.Errorf("what is larger than all may be was kept, or %v", err)
			}
		}
		if _, err := os.Stat(dead); err == nil {
			t.Error("what a dead process left is still there")
		}
		if _, err := os.Stat(foreign); err != nil {
			t.Error("a file that is not ours was removed")
		}
		w.client(Options{CacheDir: dir, CacheSize: 5_000})
		if size := sizeOf(t, dir); size > 5_000 {
			t.Errorf("a smaller limit leaves %d bytes", size)
		}
	})
}

func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		n += info.Size()
	}
	return n
}

// TestCacheDamage spoils the file of an answer in all ways: the right body is
// given each time, and the file is whole again afterwards.
func TestCacheDamage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		k := &keeper{header: map[string]string{"Cache-Control": "max-age=1000000"}, body: "the body"}
		w.serve("forge.example", k.ServeHTTP)
		dir := t.TempDir()
		c := w.client(Options{CacheDir: dir})
		get(t, c, "http://forge.example/", "the body")
		get(t, c, "http://forge.example/other", "the body")
		path := c.store.path(c.key(mustRequest(t, c, "http://forge.example/"), ""))
		other := c.store.path(c.key(mustRequest(t, c, "http://forge.example/other"), ""))
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		asked := k.full.Load()
		spoil := func(name string, damage []byte) {
			t.Helper()
			if err := os.WriteFile(path, damage, 0o600); err != nil {
				t.Fatal(err)
			}
			get(t, c, "http://forge.example/", "the body")
			if asked++; k.full.Load() != asked {
				t.Fatalf("%s: it was not asked anew", name)
			}
			get(t, c, "http://forge.example/", "the body")
			if k.full.Load() != asked {
				t.Fatalf("%s: it was not kept again", name)
			}
		}
		for i := range whole {
			spoil(fmt.Sprintf("cut at %d", i), whole[:i])
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1
			spoil(fmt.Sprintf("a bit at %d", i), flipped)
		}
		spoil("more", append(bytes.Clone(whole), 'x'))
		swapped, err := os.ReadFile(other)
		if err != nil {
			t.Fatal(err)
		}
		spoil("another's", swapped)
		// What cannot even be written.
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		get(t, c, "http://forge.example/", "the body")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		get(t, c, "http://forge.example/", "the body")
		if a := get(t, c, "http://forge.example/", "the body"); !a.Cached {
			t.Error("a directory that was removed is not made again")
		}
		blocked := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		get(t, w.client(Options{CacheDir: filepath.Join(blocked, "cache")}), "http://forge.example/", "the body")
	})
}

func mustRequest(t *testing.T, c *Client, address string) *request {
	t.Helper()
	r, err := c.request(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCacheOfAnotherToken holds that what one token may see is not shown to who
// has another one, or none.
func TestCacheOfAnotherToken(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.serve("forge.example", func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Cache-Control", "max-age=1000")
			fmt.Fprint(rw, len(r.Header.Get("Authorization")))
		})
		dir := t.TempDir()
		for _, test := range []struct{ token, want string }{{"a-token", "14"}, {"another-token", "20"}, {"", "0"}, {"a-token", "14"}} {
			c := w.client(Options{CacheDir: dir, Credentials: []Credential{{Host: "forge.example", From: []Source{token(test.token)}}}})
			get(t, c, "http://forge.example/", test.want)
		}
	})
}

func FuzzEntry(f *testing.F) {
	e := &entry{Status: 200, Header: map[string][]string{"Etag": {`"1"`}}, body: []byte("a\nb")}
	raw, err := e.encode("key")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(entrySum("key", []byte("{}\n")) + "\n{}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := decodeEntry("key", raw); err == nil && entrySum("key", raw[65:]) != string(raw[:64]) {
			t.Errorf("%q was taken for %+v", raw, e)
		}
		// With the right sum, whatever the rest is.
		if e, err := decodeEntry("key", []byte(entrySum("key", raw)+"\n"+string(raw))); err == nil {
			_, _ = e.response(&request{})
			e.fresh(time.Now())
		}
	})
}
