package gitrepo

import "path/filepath"

// AskGit makes a repository walk with git alone, and read nothing from the
// packs itself.
func (r *Repository) AskGit() { r.git.plumbing = true }

// ViewDir is where the private views are.
func (r *Repository) ViewDir() string { return filepath.Dir(r.git.viewDir) }
