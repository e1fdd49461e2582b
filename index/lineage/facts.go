// Package lineage knows what derives from what: which commits are copies of one
// change, which take a change out again or bring it back, and which fix one. On
// top of that it tells how a change stands on each release line.
//
// Facts are what messages say, read once and kept in a file beside the graph.
// Build resolves them against a graph into a Lineage, an immutable value that
// answers Landings and Related. Package dialect, below, owns how messages say it.
//
// Edges are directed, from a copy to its source. Answers walk up to the sources
// and then down to their copies, and never up again: a squash is a copy of each
// of its sources, and joins none of them. Nothing here does I/O but Save and Open.
package lineage

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cabhfuil/cabhfuil-lsp/history"
	"github.com/cabhfuil/cabhfuil-lsp/index/graph"
	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

// means is what a claim says, as far as lineage has a use for it.
type means uint8

const (
	copies     means = iota + 1 // this is a copy of the named commit
	copiesPart                  // this has a part of it
	reverts                     // this takes it out
	reapplies                   // this brings it back
	fixes                       // this fixes it
	serves                      // this is there for its sake (Stable-dep-of)
	needs                       // this needs it
	ownWork                     // this is no copy, by its own word

	copiesRequest  // this is a copy of what a request brought; name is the request's number
	copiesChange   // this is a copy of what has a Change-Id; name is the Change-Id's number
	revertsRequest // this takes out what a request brought
	sameMessage    // its copies have the very same message; subject is a hash of that
	lastMeans      = sameMessage
)

var meansOf = map[dialect.Meaning]means{
	dialect.Copy: copies, dialect.PartialCopy: copiesPart, dialect.Revert: reverts, dialect.Reapply: reapplies,
	dialect.Fix: fixes, dialect.DependsOn: serves, dialect.Needs: needs, dialect.NotACopy: ownWork,
}

// claim is one thing that a message says of another commit.
type claim struct {
	means    means
	evidence uint8  // index into Facts.evidence
	digits   uint8  // hex digits of name that are told, at most 16; 0 for none
	name     uint64 // the first digits of the commit's name, left-aligned
	subject  uint32 // hash of the subject that is told; 0 for none
}

// Fact is what one commit says. Read makes it.
type Fact struct {
	subject  uint32   // hash of the subject by itself
	changeID uint64   // the first digits of its Change-Id; 0 for none
	requests []uint32 // numbers of the requests that it came by
	claims   []claim
}

// Facts are the Facts of the commits of a graph, by position. The zero value has
// none. They are immutable: Append makes new ones.
type Facts struct {
	dialects *Dialects
	subjects []uint32
	changes  []change
	requests []request
	owners   []int32 // positions that claims are of, rising
	claims   []claim // one an owner: a position stands as often as it claims something
	evidence []string
	compared Compared
}

// change is a commit that has a Change-Id.
type change struct {
	id  uint64
	pos int32
}

// request is a commit that came by a pull or merge request.
type request struct {
	number uint32
	pos    int32
}

// Dialects are how messages are read. The set is made when a message is first
// read: that costs more than to use facts that were read before.
type Dialects struct {
	signature uint64
	set       func() *dialect.Set
	evidence  func() []string
	projects  []string // names of the repository at its forges; nil where they are not known
}

// BuiltinDialects are the built-in ones.
func BuiltinDialects() *Dialects {
	return newDialects(dialect.Signature(), dialect.Builtin)
}

// UserDialects are a set that has a user's dialects too.
func UserDialects(set *dialect.Set) *Dialects {
	return newDialects(signature(set), func() *dialect.Set { return set })
}

// Same says whether messages read with d and with o say the same.
func (d *Dialects) Same(o *Dialects) bool { return d.signature == o.signature }

func newDialects(signature uint64, set func() *dialect.Set) *Dialects {
	return &Dialects{signature: signature, set: set, evidence: sync.OnceValue(func() []string { return evidenceOf(set()) })}
}

// Of are the dialects as messages of one repository are read: projects are what
// it is called at its forges, such as acme/engine. A request is its own where the
// last part of the name is, since forks differ in the others.
func (d *Dialects) Of(projects ...string) *Dialects {
	of := *d
	of.projects = nil
	for _, p := range projects {
		if name := projectName(p); name != "" && !slices.Contains(of.projects, name) {
			of.projects = append(of.projects, name)
		}
	}
	slices.Sort(of.projects)
	h := fnv.New64a()
	for _, name := range of.projects {
		fmt.Fprintf(h, "%d %s", d.signature, name)
	}
	if len(of.projects) > 0 {
		of.signature = h.Sum64()
	}
	return &of
}

// projectName is the last part of a project's path at a forge.
func projectName(path string) string {
	path = strings.TrimSuffix(strings.TrimSuffix(path, "/"), ".git")
	return strings.ToLower(path[strings.LastIndexAny(path, "/:")+1:])
}

// NewFacts makes facts that are read with dialects.
func NewFacts(d *Dialects) *Facts { return &Facts{dialects: d} }

// names is the table that the evidence of claims is a number in.
func (f *Facts) names() []string {
	if f.evidence == nil {
		return f.dialects.evidence()
	}
	return f.evidence
}

// evidenceOf is the table of the evidence that a set of dialects gives; Build's
// own come first.
func evidenceOf(set *dialect.Set) []string {
	table := slices.Clone(ownEvidence)
	for _, d := range set.Dialects() {
		if !slices.Contains(table, d.Evidence) && len(table) < 32 {
			table = append(table, d.Evidence)
		}
	}
	return table
}

// Len is the number of commits whose facts are known: positions from 0.
func (f *Facts) Len() int { return len(f.subjects) }

// Read reads what a message says. It is safe for concurrent use.
func (f *Facts) Read(message string) Fact {
	var fact Fact
	var inPart bool
	names := f.names()
	f.dialects.set().Read(message, func(c dialect.Claim) bool {
		m, ok := meansOf[c.Means]
		switch {
		case c.Means == dialect.Same && c.Key.Kind == history.KeyChangeID:
			// A message's own Change-Id comes last; others are of what it is a copy of.
			if id := changeNumber(c.Key.Text); fact.changeID != 0 && fact.changeID != id {
				fact.claims = append(fact.claims, claim{means: copiesChange, evidence: uint8(slices.Index(names, evidenceChangeID)), name: fact.changeID, digits: 16})
				fact.changeID = id
			} else {
				fact.changeID = id
			}
		case c.Means == dialect.PartRevert:
			inPart = true
		case c.Means == dialect.Request:
			f.cameBy(&fact, c.Key.Text)
		case c.Means == dialect.Wanted && c.Evidence == evidenceBackpatch:
			if len(fact.claims) == 0 || fact.claims[len(fact.claims)-1].means != sameMessage {
				fact.claims = append(fact.claims, claim{means: sameMessage, subject: messageHash(message)})
			}
		case ok:
			one := claim{means: m, evidence: uint8(max(0, slices.Index(names, c.Evidence)))}
			number, isRequest := f.request(c.Key.Text)
			switch {
			case c.SHA != "":
				one.name, one.digits = nameNumber(c.SHA)
			case m == copies && c.Key.Kind == history.KeyChangeID:
				one.means, one.name, one.digits = copiesChange, changeNumber(c.Key.Text), 16
			case m == copies && isRequest:
				one.means, one.name, one.digits = copiesRequest, uint64(number)<<32, 8
			case m == reverts && isRequest:
				one.means, one.name, one.digits = revertsRequest, uint64(number)<<32, 8
			}
			if c.Subject != "" {
				one.subject = subjectHash(c.Subject)
			}
			if one.digits > 0 || one.subject != 0 || m == ownWork {
				fact.claims = append(fact.claims, one)
			}
		}
		return len(fact.claims) < maxClaims
	})
	subject, _, _ := strings.Cut(strings.TrimLeft(message, "\n"), "\n")
	fact.subject = subjectHash(subject)
	f.cameBy(&fact, dialect.Reference(subject))
	if inPart {
		// What the subject calls a revert is the same one.
		fact.claims = slices.DeleteFunc(fact.claims, func(c claim) bool { return c.means == reverts || c.means == revertsRequest })
	}
	return fact
}

// maxRequests bounds how many requests a commit came by: a copy names two.
const maxRequests = 4

// cameBy notes a request that a key names, where it names one.
func (f *Facts) cameBy(fact *Fact, key string) {
	if n, ok := f.request(key); ok && len(fact.requests) < maxRequests && !slices.Contains(fact.requests, n) {
		fact.requests = append(fact.requests, n)
	}
}

// request is the number of a request of this repository that a key names. One of
// another project is none, whatever its number.
func (f *Facts) request(key string) (number uint32, ok bool) {
	number, ok = dialect.RequestNumber(key)
	if project := dialect.RequestProject(key); ok && project != "" && len(f.dialects.projects) > 0 {
		ok = slices.Contains(f.dialects.projects, projectName(project))
	}
	return number, ok
}

// maxClaims bounds what one message says; squashes name some hundreds at most.
const maxClaims = 1000

// changeNumber is the beginning of a Change-Id as a number, never 0.
func changeNumber(id string) uint64 {
	n, _ := nameNumber(strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(id, "I"), "i")))
	return max(n, 1)
}

// nameNumber is the first sixteen digits of a name, left-aligned.
func nameNumber(sha string) (name uint64, digits uint8) {
	n := min(len(sha), 16)
	var raw [8]byte
	if _, err := hex.Decode(raw[:], []byte((sha[:n] + "0000000000000000")[:16])); err != nil {
		return 0, 0
	}
	return binary.BigEndian.Uint64(raw[:]), uint8(n)
}

// subjectHash is a hash of a subject without what copies add to it; never 0.
func subjectHash(subject string) uint32 { return wordsHash(dialect.NormalSubject(subject)) }

// messageHash is a hash of a whole message; never 0.
func messageHash(message string) uint32 { return wordsHash(message) }

// wordsHash is FNV-1a over a text with single blanks, folded to 32 bits.
func wordsHash(text string) uint32 {
	h := uint64(14695981039346656037)
	first := true
	for word := range strings.FieldsSeq(text) {
		if !first {
			h = (h ^ ' ') * 1099511628211
		}
		first = false
		for i := range len(word) {
			h = (h ^ uint64(word[i])) * 1099511628211
		}
	}
	return max(uint32(h>>32)^uint32(h), 1)
}

// Append makes facts that also have those of the positions behind Len.
func (f *Facts) Append(fresh []Fact) *Facts {
	n := &Facts{dialects: f.dialects, evidence: f.names(), compared: f.compared, subjects: slices.Clip(f.subjects), changes: slices.Clip(f.changes), requests: slices.Clip(f.requests), owners: slices.Clip(f.owners), claims: slices.Clip(f.claims)}
	for i, fact := range fresh {
		pos := int32(f.Len() + i)
		n.subjects = append(n.subjects, fact.subject)
		if fact.changeID != 0 {
			n.changes = append(n.changes, change{fact.changeID, pos})
		}
		for _, number := range fact.requests {
			n.requests = append(n.requests, request{number, pos})
		}
		for _, c := range fact.claims {
			n.owners, n.claims = append(n.owners, pos), append(n.claims, c)
		}
	}
	return n
}

// Cut makes facts of the first n positions alone.
func (f *Facts) Cut(n int) *Facts {
	if n >= f.Len() {
		return f
	}
	at, _ := slices.BinarySearch(f.owners, int32(n))
	changes, _ := slices.BinarySearchFunc(f.changes, int32(n), func(c change, n int32) int { return int(c.pos - n) })
	requests, _ := slices.BinarySearchFunc(f.requests, int32(n), func(r request, n int32) int { return int(r.pos - n) })
	return &Facts{dialects: f.dialects, evidence: f.evidence, subjects: f.subjects[:n:n], changes: f.changes[:changes:changes], requests: f.requests[:requests:requests], owners: f.owners[:at:at], claims: f.claims[:at:at]}
}

// The file is, little-endian:
//
//	8 bytes  "cabhfact"
//	uint32   version (factsVersion)
//	uint32   CRC-32C of what follows
//	uint64   which dialects it was read with (signature)
//	byte     number of names of evidence, and for each a byte of length and the text
//	uint32   number of commits
//	uint64   whose these are (stamp)
//	uint32   × that: hashes of subjects
//	uvarint  number of commits with a Change-Id, and for each a uvarint distance
//	         to the position before and a uint64
//	uvarint  number of requests, and for each a uvarint distance to the position
//	         of the one before and a varint distance to its number
//	uint64   which commits were compared by content, and uvarints: 1 more than the
//	         position of the upstream tip then, the number of twins, and for each
//	         its copy, its source and 1 where git's patch-id is the same
//	uvarint  number of claims, and for each a uvarint distance to the position of
//	         the one before, bytes of meaning, evidence and digits, half as many
//	         bytes of the name as there are digits, and a uint32 of the subject
//
// Versions:
//
//	1: neither requests nor what contents proved
//	2: claims to be a copy of what a request brought or a Change-Id names; the
//	   number of positions when contents were compared, in place of the tip
//	3: as above
const factsVersion = 3

const factsMagic = "cabhfact"

// Errors of Open: the facts are to be read again.
var (
	ErrFormat  = errors.New("the lineage file is of another format, or was read with other dialects")
	ErrCorrupt = errors.New("the lineage file is damaged")
	ErrOther   = errors.New("the lineage file is of another graph")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// signature tells sets of dialects apart.
func signature(set *dialect.Set) uint64 {
	h := uint64(14695981039346656037)
	for _, d := range set.Dialects() {
		for _, text := range []string{d.Name, string(d.On), d.Pattern, string(d.Means), d.Evidence} {
			for i := range len(text) {
				h = (h ^ uint64(text[i])) * 1099511628211
			}
			h = (h ^ 0xff) * 1099511628211
		}
		if d.Partial {
			h = (h ^ 0xfe) * 1099511628211
		}
	}
	return h
}

// stamp tells the first n commits of a graph from those of another one, by the
// names of some of them.
func stamp(g *graph.Graph, n int) uint64 {
	h := uint64(14695981039346656037)
	const looks = 64
	for i := 1; i <= looks && n > 0; i++ {
		var name [32]byte
		for _, c := range g.Hash(graph.Pos(max(0, i*n/looks-1))).AppendBytes(name[:0]) {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	return h
}

// Save writes the facts of a graph's commits beside path, renames them there, and
// returns their checksum.
func (f *Facts) Save(path string, g *graph.Graph) (sum uint32, err error) {
	body := binary.LittleEndian.AppendUint64(nil, f.dialects.signature)
	body = append(body, byte(len(f.names())))
	for _, name := range f.names() {
		body = append(append(body, byte(len(name))), name...)
	}
	body = binary.LittleEndian.AppendUint32(body, uint32(f.Len()))
	body = binary.LittleEndian.AppendUint64(body, stamp(g, f.Len()))
	for _, s := range f.subjects {
		body = binary.LittleEndian.AppendUint32(body, s)
	}
	body = binary.AppendUvarint(body, uint64(len(f.changes)))
	last := int32(0)
	for _, c := range f.changes {
		body = binary.AppendUvarint(body, uint64(c.pos-last))
		body = binary.LittleEndian.AppendUint64(body, c.id)
		last = c.pos
	}
	body = binary.AppendUvarint(body, uint64(len(f.requests)))
	var before request
	for _, r := range f.requests {
		body = binary.AppendUvarint(body, uint64(r.pos-before.pos))
		body = binary.AppendVarint(body, int64(r.number)-int64(before.number))
		before = r
	}
	body = binary.LittleEndian.AppendUint64(body, f.compared.open)
	body = binary.AppendUvarint(body, uint64(f.compared.upTo))
	body = binary.AppendUvarint(body, uint64(len(f.compared.twins)))
	for _, t := range f.compared.twins {
		patch := uint64(0)
		if t.patch {
			patch = 1
		}
		body = binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(body, uint64(t.copy)), uint64(t.source)), patch)
	}
	body = binary.AppendUvarint(body, uint64(len(f.claims)))
	last = 0
	for i, c := range f.claims {
		body = binary.AppendUvarint(body, uint64(f.owners[i]-last))
		body = append(body, byte(c.means), c.evidence, c.digits)
		var name [8]byte
		binary.BigEndian.PutUint64(name[:], c.name)
		body = append(body, name[:(c.digits+1)/2]...)
		body = binary.LittleEndian.AppendUint32(body, c.subject)
		last = f.owners[i]
	}
	if err := saveFile(path, factsMagic, factsVersion, body); err != nil {
		return 0, err
	}
	return crc32.Checksum(body, castagnoli), nil
}

// saveFile writes a body behind its magic, version and checksum, beside path, and
// renames it there.
func saveFile(path, magic string, version uint32, body []byte) error {
	head := binary.LittleEndian.AppendUint32([]byte(magic), version)
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(body, castagnoli))
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.tmp")
	if err != nil {
		return fmt.Errorf("saving the lineage: %w", err)
	}
	_, err = tmp.Write(append(head, body...))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("saving the lineage: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}

// headLen is how many bytes saveFile puts before a body.
const headLen = 16

// openFile returns the body of a file of saveFile, whose checksum is not looked at.
func openFile(b []byte, magic string, version uint32) (body []byte, err error) {
	if len(b) < headLen || !bytes.HasPrefix(b, []byte(magic)) {
		return nil, ErrCorrupt
	}
	if binary.LittleEndian.Uint32(b[8:]) != version {
		return nil, ErrFormat
	}
	return b[headLen:], nil
}

// Open reads facts that Save wrote, for the same dialects and commits: else
// ErrFormat or ErrOther. Facts of commits that the graph has not got are dropped.
// It also returns their checksum.
func Open(path string, d *Dialects, g *graph.Graph) (f *Facts, sum uint32, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, fmt.Errorf("reading the lineage: %w", err)
	}
	f, mark, err := decode(b, d)
	if err == nil && f.Len() <= g.Len() && mark != stamp(g, f.Len()) {
		err = ErrOther
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the lineage: %w", err)
	}
	if f.Len() > g.Len() { // whose they are cannot be told
		return NewFacts(d), 0, nil
	}
	return f, binary.LittleEndian.Uint32(b[12:]), nil
}

func decode(b []byte, d *Dialects) (f *Facts, mark uint64, err error) {
	body, err := openFile(b, factsMagic, factsVersion)
	if err != nil {
		return nil, 0, err
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[12:]) {
		return nil, 0, ErrCorrupt
	}
	in := &input{b: body}
	if in.uint64() != d.signature {
		return nil, 0, ErrFormat
	}
	f = NewFacts(d)
	f.evidence = make([]string, in.byte())
	for i := range f.evidence {
		f.evidence[i] = string(in.take(int(in.byte())))
	}
	n := int(binary.LittleEndian.Uint32(in.take(4)))
	mark = in.uint64()
	if n > len(in.b)/4 || len(f.evidence) > 32 {
		return nil, 0, ErrCorrupt
	}
	f.subjects = make([]uint32, n)
	for i := range f.subjects {
		f.subjects[i] = binary.LittleEndian.Uint32(in.b[4*i:])
	}
	in.b = in.b[4*n:]
	f.changes = make([]change, in.count(9))
	last := uint64(0)
	for i := range f.changes {
		last += in.step(n)
		f.changes[i] = change{in.uint64(), int32(last)}
		in.bad = in.bad || last >= uint64(n)
	}
	f.requests = make([]request, in.count(2))
	last = 0
	number := int64(0)
	for i := range f.requests {
		last += in.step(n)
		number += in.varint()
		f.requests[i] = request{uint32(number), int32(last)}
		in.bad = in.bad || last >= uint64(n) || number < 0 || number > math.MaxUint32
	}
	f.compared.open, f.compared.upTo = in.uint64(), graph.Pos(in.step(n))
	f.compared.twins = make([]twin, in.count(3))
	for i := range f.compared.twins {
		from, to, patch := in.step(n), in.step(n), in.uvarint()
		in.bad = in.bad || from >= uint64(n) || to >= uint64(n)
		f.compared.twins[i] = twin{graph.Pos(from), graph.Pos(to), patch == 1}
	}
	count := in.count(8)
	f.owners, f.claims = make([]int32, count), make([]claim, count)
	last = 0
	for i := range f.claims {
		last += in.step(n)
		c := claim{means: means(in.byte()), evidence: in.byte(), digits: in.byte()}
		var name [8]byte
		copy(name[:], in.take(int(c.digits+1)/2))
		c.name = binary.BigEndian.Uint64(name[:])
		c.subject = binary.LittleEndian.Uint32(in.take(4))
		f.owners[i], f.claims[i] = int32(last), c
		in.bad = in.bad || last >= uint64(n) || int(c.evidence) >= len(f.evidence) || c.digits > 16 || c.means == 0 || c.means > lastMeans
	}
	if in.bad || len(in.b) > 0 {
		return nil, 0, ErrCorrupt
	}
	return f, mark, nil
}

// input reads a body; what is beyond its end is zeros, and bad.
type input struct {
	b   []byte
	bad bool
}

func (in *input) take(n int) []byte {
	if n > len(in.b) {
		in.bad, in.b = true, nil
		return make([]byte, n)
	}
	part := in.b[:n]
	in.b = in.b[n:]
	return part
}

func (in *input) byte() byte     { return in.take(1)[0] }
func (in *input) uint64() uint64 { return binary.LittleEndian.Uint64(in.take(8)) }

func (in *input) uvarint() uint64 {
	v, n := binary.Uvarint(in.b)
	if n <= 0 {
		in.bad = true
		return 0
	}
	in.b = in.b[n:]
	return v
}

// step is a distance between positions, of which there are n.
func (in *input) step(n int) uint64 {
	d := in.uvarint()
	if d > uint64(n) {
		in.bad = true
		return 0
	}
	return d
}

func (in *input) varint() int64 {
	v, n := binary.Varint(in.b)
	if n <= 0 {
		in.bad = true
		return 0
	}
	in.b = in.b[n:]
	return v
}

// count reads a number of things of at least size bytes each.
func (in *input) count(size int) int {
	n := in.uvarint()
	if size > 0 && n > uint64(len(in.b)/size) || n > math.MaxInt32 {
		in.bad = true
		return 0
	}
	return int(n)
}
