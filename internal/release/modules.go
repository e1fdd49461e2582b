package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// bill writes the software bill of materials of a program, as CycloneDX, and
// returns its name. It lists the modules that the linker recorded in the program
// itself.
func (s *source) bill(t target, binary, out string) (string, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", err
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return "", err
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	components := []cyclonedx.Component{{
		BOMRef: "pkg:golang/std@" + goVersion, PackageURL: "pkg:golang/std@" + goVersion,
		Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: goVersion,
	}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		components = append(components, cyclonedx.Component{
			BOMRef: purl, PackageURL: purl, Type: cyclonedx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
			Properties: &[]cyclonedx.Property{{Name: "go:sum", Value: m.Sum}},
		})
	}
	var refs []string
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}
	self := "pkg:golang/" + info.Main.Path + "@v" + strings.ReplaceAll(s.version, "+", "%2B")
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: s.date.Format(time.RFC3339),
		Component: &cyclonedx.Component{
			BOMRef: self, PackageURL: self, Type: cyclonedx.ComponentTypeApplication, Name: name, Version: s.version,
			Licenses: &cyclonedx.Licenses{{License: &cyclonedx.License{ID: "MIT"}}},
			Hashes:   &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: fmt.Sprintf("%x", sha256.Sum256(program))}},
			Properties: &[]cyclonedx.Property{
				{Name: "git:commit", Value: s.commit}, {Name: "go:os", Value: t.os}, {Name: "go:arch", Value: t.arch},
			},
		},
	}
	bom.Components = &components
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: self, Dependencies: &refs}}
	file := s.base(t) + ".cdx.json"
	return file, writeFile(filepath.Join(out, file), func(w io.Writer) error {
		return cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_6)
	})
}

// legal are the files that a module asks to be kept with what is made of it.
var legal = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|notice)([-._].*)?$`)

// licences is the text of the licences of everything that is linked into a
// platform's program: Go's, and those of each module, also where some directory
// of it has its own.
func (s *source) licences(ctx context.Context, t target) ([]byte, error) {
	listed, err := s.run(ctx, goEnv(t), "go", "list", "-deps", "-json=Dir,Module", command)
	if err != nil {
		return nil, err
	}
	texts := map[string][]byte{} // by module@version and path
	for dec := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		title := p.Module.Path + "@" + p.Module.Version
		// From the package up to its module, since both may say something.
		for dir := p.Dir; ; dir = filepath.Dir(dir) {
			if err := collect(dir, p.Module.Dir, title, texts); err != nil {
				return nil, err
			}
			if dir == p.Module.Dir {
				break
			}
		}
		if !slices.ContainsFunc(keys(texts), func(k string) bool { return strings.HasPrefix(k, title+"/") }) {
			return nil, fmt.Errorf("no licence was found in module %s", title)
		}
	}
	root, err := s.run(ctx, nil, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if texts["Go/LICENSE"], err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "LICENSE")); err != nil {
		return nil, fmt.Errorf("the licence of Go: %w", err)
	}
	return printLicences(texts), nil
}

// printLicences prints each text once, below the names of all that have it.
func printLicences(texts map[string][]byte) []byte {
	var order []string
	titles := map[string][]string{}
	for _, title := range keys(texts) {
		text := string(bytes.TrimSpace(bytes.ReplaceAll(texts[title], []byte("\r\n"), []byte("\n"))))
		if titles[text] == nil {
			order = append(order, text)
		}
		titles[text] = append(titles[text], title)
	}
	var all bytes.Buffer
	fmt.Fprintf(&all, "%s holds software of others. Their licences follow.\n", name)
	for _, text := range order {
		fmt.Fprintf(&all, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(titles[text], "\n"), text)
	}
	return all.Bytes()
}

// collect reads the legal files of one directory of a module.
func collect(dir, module, title string, texts map[string][]byte) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if !f.Type().IsRegular() || !legal.MatchString(f.Name()) || strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		file := filepath.Join(dir, f.Name())
		rel, err := filepath.Rel(module, file)
		if err != nil {
			return err
		}
		key := title + "/" + filepath.ToSlash(rel)
		if texts[key] != nil {
			continue
		}
		if texts[key], err = os.ReadFile(file); err != nil {
			return err
		}
	}
	return nil
}

func keys(m map[string][]byte) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}
