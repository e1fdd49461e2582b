package outline

// Language names what a file is read as; empty where nothing is looked for.
func Language(path, language string) string {
	if l := lexerFor(path, language); l != nil && Looks(l.Config().Name) {
		return l.Config().Name
	}
	return ""
}

// Looks says whether declarations are looked for in a language, by chroma's name.
func Looks(name string) bool {
	_, ok := languages[name]
	return ok
}
