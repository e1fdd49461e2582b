package dialect

import "testing"

func TestReference(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{
		"Close the socket (#4711)": "#4711", "Close (GH-4711).": "GH-4711", "Close (#1) (#2)": "#2", "Close (!7)": "!7",
		"Close": "", "(#4711)": "", "Close (the socket)": "", `Revert "Close (#4711)"`: "", "": "", "Close #4711": "",
	} {
		if got := Reference(subject); got != want {
			t.Errorf("%q: %q, not %q", subject, got, want)
		}
	}
}

func TestRequestNumber(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]uint32{
		"#4711": 4711, "GH-4711": 4711, "acme/engine#4711": 4711, "!4711": 4711, "acme/engine!4711": 4711,
		"https://github.com/acme/engine/pull/4711": 4711, "https://gitlab.com/acme/engine/-/merge_requests/4711/": 4711,
		"https://codeberg.org/acme/engine/pulls/4711": 4711, "https://github.com/acme/engine/issues/4711": 0,
		"bsc#4711": 0, "PROJ-4711": 0, "CVE-2024-4711": 0, "#": 0, "": 0, "#0": 0, "#99999999999": 0, "backport #4711": 0, "4711": 0,
	} {
		if got, ok := RequestNumber(key); got != want || ok != (want != 0) {
			t.Errorf("%q: %d %v, not %d", key, got, ok, want)
		}
	}
}

func TestRequestProject(t *testing.T) {
	for key, want := range map[string]string{
		"#12": "", "GH-12": "", "!12": "", "acme/engine#12": "acme/engine", "group/sub/engine!12": "group/sub/engine",
		"https://github.com/acme/engine/pull/12":                   "acme/engine",
		"https://gitlab.com/group/sub/engine/-/merge_requests/12/": "group/sub/engine",
		"https://codeberg.org/acme/engine/pulls/12":                "acme/engine",
		"https://bugs.example.com/12":                              "",
		"http://github.com/acme/engine/issues/12":                  "",
	} {
		if got := RequestProject(key); got != want {
			t.Errorf("%s is of %q, not %q", key, got, want)
		}
	}
}
