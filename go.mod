module github.com/cabhfuil/cabhfuil-lsp

go 1.26
