# Cá Bhfuil in Kakoune, by kakoune-lsp (run with 19.0.1): source this from kakrc, after
# its `eval %sh{kak-lsp}` and before its `lsp-enable`.

declare-option -docstring 'the program of Cá Bhfuil''s server' str cabhfuil_server cabhfuil-lsp

# kakoune-lsp sets servers of its own only where there are none, so for other
# languages add the server to a hook of yours that names theirs too.
hook -group cabhfuil global BufSetOption filetype=(?:git-commit|git-rebase|diff|mail|markdown|plain) %{
    # A filetype is set more than once, and a second table of one name is a fault.
    evaluate-commands %sh{
        case "$kak_opt_lsp_servers" in *'[cabhfuil-lsp]'*) exit ;; esac
        # kakoune-lsp gives a buffer up whose servers are not all installed.
        if [ "$kak_hook_param_capture_0" = filetype=markdown ] && ! command -v marksman >/dev/null; then
            echo 'set-option buffer lsp_servers ""'
        fi
        echo 'set-option -add buffer lsp_servers "
            [cabhfuil-lsp]
            command = ""%opt{cabhfuil_server}""
            args = [""--stdio""]
            root_globs = ["".git""]
        "'
    }
}
