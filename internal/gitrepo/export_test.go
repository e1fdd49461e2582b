package gitrepo

// AskGit makes a repository walk with git alone, and read nothing from the
// packs itself.
func (r *Repository) AskGit() { r.git.plumbing = true }
