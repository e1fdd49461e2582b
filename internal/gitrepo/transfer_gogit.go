package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/plumbing/transport/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// withoutGit says whether go-git has to do.
func withoutGit() bool {
	_, err := exec.LookPath("git")
	return err != nil
}

// updateGoGit is Update without git: over http, https, git and ssh, for remotes
// whose branches are all kept or chosen by name alone. The user's git configuration
// counts for nothing, and ssh's only by its agent and known hosts.
func (c *Clone) updateGoGit(ctx context.Context) error {
	repo, err := c.openGoGit()
	if err != nil {
		return err
	}
	var errs []error
	for _, r := range c.Remotes {
		if err := c.fetchGoGit(ctx, repo, r); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// openGoGit opens the clone, and makes it where there is none yet.
func (c *Clone) openGoGit() (*git.Repository, error) {
	_, err := os.Stat(filepath.Join(c.Dir, "HEAD"))
	switch {
	case err == nil:
		if err := c.unlock(); err != nil {
			return nil, err
		}
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the clone: %w", err)
		}
		repo, err := git.PlainInit(c.Dir, true)
		if err == nil {
			err = repo.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, "refs/heads/none"))
		}
		if err != nil && !errors.Is(err, git.ErrRepositoryAlreadyExists) {
			return nil, fmt.Errorf("making the clone: %w", err)
		}
	default:
		return nil, fmt.Errorf("opening the clone: %w", err)
	}
	repo, err := git.PlainOpen(c.Dir)
	if err == nil {
		var says *config.Config
		if says, err = repo.Config(); err == nil && says.Raw.Section("extensions").Option("objectformat") == "sha256" {
			err = ErrNeedsGit
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening the clone: %w", err)
	}
	return repo, nil
}

// refsGoGit is Refs without git.
func (c *Clone) refsGoGit() (map[string]string, error) {
	repo, err := git.PlainOpen(c.Dir)
	if err != nil {
		return nil, fmt.Errorf("reading the clone's refs: %w", err)
	}
	all, err := hashRefs(repo, "refs/")
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for name, h := range all {
		refs[name.String()] = h.String()
	}
	return refs, nil
}

// hashRefs are the refs under a prefix that name an object.
func hashRefs(repo *git.Repository, under string) (map[plumbing.ReferenceName]plumbing.Hash, error) {
	iter, err := repo.References()
	if err != nil {
		return nil, fmt.Errorf("reading the clone's refs: %w", err)
	}
	refs := map[plumbing.ReferenceName]plumbing.Hash{}
	err = iter.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.HashReference && strings.HasPrefix(ref.Name().String(), under) {
			refs[ref.Name()] = ref.Hash()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the clone's refs: %w", err)
	}
	return refs, nil
}

func (c *Clone) fetchGoGit(ctx context.Context, repo *git.Repository, r Followed) error {
	failed := func(err error) error { return goGitError(ctx, r, err) }
	endpoint, err := transport.NewEndpoint(r.URL)
	if err != nil {
		return failed(err)
	}
	if endpoint.Protocol == "file" {
		return failed(fmt.Errorf("a repository on this machine: %w", ErrNeedsGit))
	}
	auth, closeAuth, err := r.Auth.goGit(c.Network, endpoint)
	if err != nil {
		return fmt.Errorf("remote %s: %w", r.Name, err)
	}
	defer closeAuth()
	remote := git.NewRemote(repo.Storer, &config.RemoteConfig{Name: r.Name, URLs: []string{r.URL}})
	there, err := listGoGit(ctx, remote, auth)
	if err != nil {
		return failed(err)
	}
	specs, kept, err := c.specsGoGit(r, there)
	if err != nil {
		return failed(err)
	}
	if len(specs) > 0 && len(there.branches)+len(there.tags) > 0 {
		options := &git.FetchOptions{RemoteName: r.Name, Auth: auth, Tags: git.NoTags, Force: true, Prune: len(r.Refspecs) > 0 && !c.KeepDeleted,
			Progress: &transferWatcher{report: c.Progress, at: Transfer{Remote: r.Name}}}
		for _, spec := range specs {
			options.RefSpecs = append(options.RefSpecs, config.RefSpec(spec))
		}
		if err := remote.FetchContext(ctx, options); err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
			return failed(err)
		}
	}
	if len(r.Refspecs) == 0 {
		if err := c.pruneGoGit(repo, r, there, kept); err != nil {
			return err
		}
	}
	return recordGoGit(repo, r, there.head)
}

// listGoGit asks what the remote has.
func listGoGit(ctx context.Context, remote *git.Remote, auth transport.AuthMethod) (listing, error) {
	l := listing{branches: map[string]string{}, tags: map[string]string{}, peeled: map[string]string{}}
	refs, err := remote.ListContext(ctx, &git.ListOptions{Auth: auth})
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return l, nil
	}
	for _, ref := range refs {
		switch name := ref.Name(); {
		case name == plumbing.HEAD && ref.Type() == plumbing.SymbolicReference:
			l.head = ref.Target().Short()
		case name.IsBranch():
			l.branches[name.Short()] = ref.Hash().String()
		case name.IsTag():
			l.tags[name.Short()] = ref.Hash().String()
		}
	}
	return l, err
}

// specsGoGit are what is fetched, and the branches that are kept.
func (c *Clone) specsGoGit(r Followed, there listing) (specs []string, kept map[string]string, err error) {
	if len(r.Refspecs) > 0 || c.Select.all(len(there.branches)) {
		return r.refspecs(), there.branches, nil
	}
	kept = maps.Clone(there.branches)
	maps.DeleteFunc(kept, func(branch, _ string) bool { return !c.Select.wants(branch) })
	if !c.Select.Since.IsZero() || c.Select.Newest > 0 && len(kept) > c.Select.Newest {
		return nil, nil, fmt.Errorf("choosing among %d branches by their age: %w", len(kept), ErrNeedsGit)
	}
	for _, branch := range slices.Sorted(maps.Keys(kept)) {
		specs = append(specs, "+refs/heads/"+branch+":refs/remotes/"+r.Name+"/"+branch)
	}
	if r.Name == "origin" {
		specs = append(specs, "+refs/tags/*:refs/tags/*")
	}
	return specs, kept, nil
}

// pruneGoGit deletes the branches and tags that are not kept.
func (c *Clone) pruneGoGit(repo *git.Repository, r Followed, there listing, kept map[string]string) error {
	prune := func(under string, stays func(name string) bool) error {
		refs, err := hashRefs(repo, under)
		if err != nil {
			return err
		}
		for name := range refs {
			if !stays(strings.TrimPrefix(name.String(), under)) {
				if err := repo.Storer.RemoveReference(name); err != nil {
					return fmt.Errorf("deleting %s: %w", name, err)
				}
			}
		}
		return nil
	}
	err := prune("refs/remotes/"+r.Name+"/", func(branch string) bool {
		_, keeps := kept[branch]
		_, exists := there.branches[branch]
		return keeps || !exists && c.KeepDeleted && c.Select.wants(branch)
	})
	if r.Name == "origin" && !c.KeepDeleted {
		err = errors.Join(err, prune("refs/tags/", func(tag string) bool { return there.tags[tag] != "" }))
	}
	return err
}

// recordGoGit is record without git.
func recordGoGit(repo *git.Repository, r Followed, head string) error {
	says, err := repo.Config()
	if err == nil {
		says.Remotes[r.Name] = &config.RemoteConfig{Name: r.Name, URLs: []string{Scrub(r.URL)}, Fetch: []config.RefSpec{config.RefSpec(r.refspecs()[0])}}
		err = repo.SetConfig(says)
	}
	branch := plumbing.NewRemoteReferenceName(r.Name, head)
	if _, missing := repo.Storer.Reference(branch); err == nil && head != "" && missing == nil {
		err = repo.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.NewRemoteHEADReferenceName(r.Name), branch))
		if err == nil && r.Name == "origin" {
			err = repo.Storer.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, branch))
		}
	}
	if err != nil {
		return fmt.Errorf("writing down remote %s: %w", r.Name, err)
	}
	return nil
}

// goGit is how go-git tells the remote who asks; done ends the use of it.
func (a Auth) goGit(network Network, to *transport.Endpoint) (auth transport.AuthMethod, done func(), err error) {
	done = func() {}
	switch {
	case a.Helper != "":
		return nil, done, fmt.Errorf("the credential helper: %w", ErrNeedsGit)
	case a.TokenEnv != "":
		token := network.get(a.TokenEnv)
		if token == "" {
			return nil, done, fmt.Errorf("the environment variable %s, which should hold the token, is not set", a.TokenEnv)
		}
		if to.Protocol != "http" && to.Protocol != "https" {
			return nil, done, nil
		}
		return &http.BasicAuth{Username: a.tokenUser(network), Password: token}, done, nil
	case to.Protocol != "ssh":
		return nil, done, nil
	}
	name := to.User
	if name == "" {
		me, err := user.Current()
		if err != nil {
			return nil, done, fmt.Errorf("who asks: %w", err)
		}
		name = me.Username
	}
	if a.KeyFile != "" {
		secret := ""
		if a.PassphraseEnv != "" {
			secret = network.get(a.PassphraseEnv)
		}
		keys, err := ssh.NewPublicKeysFromFile(name, a.KeyFile, secret)
		if err != nil {
			return nil, done, fmt.Errorf("the ssh key: %w", err)
		}
		return keys, done, nil
	}
	socket := network.get("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, done, fmt.Errorf("no ssh agent (SSH_AUTH_SOCK), and no key in auth.yaml: %w", ErrDenied)
	}
	conn, err := net.Dial("unix", socket) //nolint:noctx // a socket of this machine
	if err != nil {
		return nil, done, fmt.Errorf("the ssh agent: %w", err)
	}
	return &ssh.PublicKeysCallback{User: name, Callback: agent.NewClient(conn).Signers}, func() { _ = conn.Close() }, nil //nolint:errcheck // nothing is to be lost
}

// tokenUser is the name beside a token; GitHub, GitLab and Gitea take any.
func (a Auth) tokenUser(network Network) string {
	name := "x-access-token"
	if a.UserEnv != "" {
		name = cmp.Or(network.get(a.UserEnv), name)
	}
	return name
}

// goGitError says which remote failed and why, as remoteError does.
func goGitError(ctx context.Context, r Followed, err error) error {
	if ctx.Err() != nil {
		return remoteError(ctx, r, "", err)
	}
	place := fmt.Sprintf("remote %s (%s)", r.Name, Place(r.URL))
	var strange *packp.ErrUnexpectedData
	var unexpected *plumbing.UnexpectedError
	var web *url.Error
	var wire net.Error
	reason := err
	switch said := err.Error(); {
	case errors.Is(err, ErrNeedsGit) || errors.Is(err, ErrDenied):
		return fmt.Errorf("%s: %w", place, err)
	case errors.As(err, &strange): // object names of 64 digits are the likely ones
		return fmt.Errorf("%s: it is not of a form that go-git reads, such as SHA-256: %w", place, ErrNeedsGit)
	case errors.Is(err, transport.ErrAuthenticationRequired), errors.Is(err, transport.ErrAuthorizationFailed),
		strings.Contains(said, "unable to authenticate"), strings.Contains(said, "knownhosts: "):
		reason = ErrDenied
	case errors.Is(err, transport.ErrRepositoryNotFound):
		reason = ErrNoRemote
	case errors.As(err, &unexpected), errors.As(err, &web), errors.As(err, &wire), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		reason = ErrUnreachable
	default:
		return fmt.Errorf("%s: %w", place, err)
	}
	return fmt.Errorf("%s: %w: go-git says %q", place, reason, Scrub(err.Error()))
}
