package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/server/client"
)

// server is a server over stdio whose index of the work tree is ready.
type server struct {
	t       tree
	cmd     *exec.Cmd
	c       *client.Client
	refresh chan struct{} // capacity 1
	// firstReply is how long the first list of lenses of the last file took.
	firstReply time.Duration
}

func (t tree) start(ctx context.Context, bin string, env []string) (*server, error) {
	s := &server{t: t, cmd: exec.CommandContext(ctx, bin, "--stdio", "--private"), refresh: make(chan struct{}, 1)}
	s.cmd.Env = append(append(os.Environ(), "HOME="+t.top, "XDG_CACHE_HOME="+t.top, "XDG_CONFIG_HOME="+t.top, "XDG_STATE_HOME="+t.top), env...)
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.c, err = client.New(ctx, pipe{out, in}, client.Options{Folders: []string{t.dir}, Refresh: func() {
		select {
		case s.refresh <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		return nil, err
	}
	// All is indexed then, words too, so that nothing else is going on.
	return s, s.c.Execute(ctx, "cabhfuil.search", map[string]any{"query": "lenses", "uri": s.uri(""), "wait": true}, nil)
}

func (s *server) stop(ctx context.Context) error {
	return errors.Join(s.c.Close(ctx), s.cmd.Wait())
}

func (s *server) uri(name string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(s.t.dir, name))}).String()
}

// lens is a lens of a source file, with its title and commit once it is resolved.
type lens struct {
	first, last   int
	title, commit string
	raw           map[string]any
}

// reply is what is read of a lens.
type reply struct {
	Data    data `json:"data"`
	Command struct {
		Title     string `json:"title"`
		Arguments []data `json:"arguments"`
	} `json:"command"`
}

type data struct {
	Keys  []string `json:"keys"`
	Lines *struct {
		First int `json:"first"`
		Last  int `json:"last"`
	} `json:"lines"`
}

// as reads a value of JSON as another type.
func as(from, to any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

// patience is how long declarations of a file may take.
const patience = 2 * time.Minute

// lenses opens a file and lists its lenses, those at commits' names left out. Of
// a long file they come after the first reply, with a refresh.
func (s *server) lenses(ctx context.Context, name, text string) ([]*lens, error) {
	document := map[string]any{"uri": s.uri(name), "languageId": "", "version": 1, "text": text}
	if err := s.c.Notify(ctx, "textDocument/didOpen", map[string]any{"textDocument": document}); err != nil {
		return nil, err
	}
	limit := time.After(patience)
	s.firstReply = 0
	for {
		start := time.Now()
		var list []map[string]any
		if err := s.c.Call(ctx, "textDocument/codeLens", map[string]any{"textDocument": map[string]string{"uri": s.uri(name)}}, &list); err != nil {
			return nil, err
		}
		if s.firstReply == 0 {
			s.firstReply = time.Since(start)
		}
		var found []*lens
		for _, raw := range list {
			var r reply
			if err := as(raw, &r); err != nil {
				return nil, err
			}
			if r.Data.Lines != nil {
				found = append(found, &lens{first: r.Data.Lines.First, last: r.Data.Lines.Last, raw: raw})
			}
		}
		if len(found) > 0 {
			return found, nil
		}
		select {
		case <-s.refresh:
		case <-limit:
			return nil, errors.New("there are no lenses")
		}
	}
}

// resolve resolves lenses, all at once.
func (s *server) resolve(ctx context.Context, lenses []*lens) error {
	errs := make([]error, len(lenses))
	var all sync.WaitGroup
	for i, l := range lenses {
		all.Go(func() {
			var r reply
			errs[i] = s.c.Call(ctx, "codeLens/resolve", l.raw, &r)
			l.title = r.Command.Title
			if len(r.Command.Arguments) == 1 && len(r.Command.Arguments[0].Keys) > 0 {
				l.commit = r.Command.Arguments[0].Keys[0]
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
