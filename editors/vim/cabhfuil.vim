" Cá Bhfuil in Vim, by ALE 3.3 and later. Put this file into ~/.vim/plugin/.
if exists('g:loaded_cabhfuil')
  finish
endif
let g:loaded_cabhfuil = 1

" The server's program, and the kinds of files that it serves. ALE has no way to
" name all kinds.
let g:cabhfuil_server = get(g:, 'cabhfuil_server', 'cabhfuil-lsp')
let g:cabhfuil_filetypes = get(g:, 'cabhfuil_filetypes',
      \ ['text', 'markdown', 'gitcommit', 'gitrebase', 'diff', 'changelog', 'debchangelog', 'mail',
      \  'c', 'cpp', 'go', 'java', 'javascript', 'perl', 'php', 'python', 'ruby', 'rust', 'sh', 'typescript'])

" The root of the repository that a buffer's file lies in, also where it lies in
" .git itself, as a message does that is being written.
function! CabhfuilRoot(buffer) abort
  let l:dir = fnamemodify(bufname(a:buffer), ':p:h')
  let l:git = finddir('.git', l:dir . ';')
  if empty(l:git)
    let l:git = findfile('.git', l:dir . ';')
  endif
  return empty(l:git) ? '' : fnamemodify(substitute(fnamemodify(l:git, ':p'), '/\+$', '', ''), ':h')
endfunction

function! s:Define() abort
  for l:filetype in g:cabhfuil_filetypes
    call ale#linter#Define(l:filetype, {
          \ 'name': 'cabhfuil',
          \ 'lsp': 'stdio',
          \ 'executable': {-> g:cabhfuil_server},
          \ 'command': '%e --stdio',
          \ 'project_root': function('CabhfuilRoot'),
          \ 'language': l:filetype ==# 'gitcommit' ? 'git-commit' : l:filetype ==# 'gitrebase' ? 'git-rebase' : l:filetype,
          \ })
  endfor
endfunction

" ALE may come after this file.
augroup cabhfuil
  autocmd!
  autocmd VimEnter * call s:Define()
augroup END

" How a command's answer reaches who asked.
let s:waiting = {}

function! s:Answered(conn, response) abort
  let l:id = get(a:response, 'id', 0)
  if !has_key(s:waiting, l:id)
    return
  endif
  let l:Done = remove(s:waiting, l:id)
  if has_key(a:response, 'error')
    echohl ErrorMsg | echomsg 'cabhfuil: ' . a:response.error.message | echohl None
  else
    call l:Done(a:response.result)
  endif
endfunction

function! s:Send(message, Done, linter, details) abort
  call ale#lsp#NotifyForChanges(a:details.connection_id, a:details.buffer)
  call ale#lsp#RegisterCallback(a:details.connection_id, function('s:Answered'))
  let s:waiting[ale#lsp#Send(a:details.connection_id, a:message)] = a:Done
endfunction

" Sends a message of ALE's form to the buffer's server; Done gets the result.
function! s:Request(message, Done) abort
  for l:linter in ale#linter#Get(&filetype)
    if l:linter.name ==# 'cabhfuil'
      call ale#lsp_linter#StartLSP(bufnr(''), l:linter, function('s:Send', [a:message, a:Done]))
      return
    endif
  endfor
  echohl ErrorMsg | echomsg 'cabhfuil: not for files of kind ' . string(&filetype) | echohl None
endfunction

" Asks for one of the server's commands; Done gets its result.
function! CabhfuilAsk(command, argument, Done) abort
  call s:Request(ale#lsp#message#ExecuteCommand('cabhfuil.' . a:command, [a:argument]), a:Done)
endfunction

" An omnifunc. ALE's own offers what begins as typed, and cuts it before a
" parenthesis; ours are found by words of a subject.
function! CabhfuilComplete(findstart, base) abort
  if !a:findstart
    return s:items
  endif
  let l:text = getline('.')
  let l:answers = []
  call s:Request([0, 'textDocument/completion', {
        \ 'textDocument': {'uri': 'file://' . expand('%:p')},
        \ 'position': {'line': line('.') - 1, 'character': strchars(strpart(l:text, 0, col('.') - 1))},
        \ }], {r -> add(l:answers, r)})
  let l:began = reltime()
  while empty(l:answers) && reltimefloat(reltime(l:began)) < 5 && !complete_check()
    sleep 2m
  endwhile
  let l:found = get(l:answers, 0, [])
  let l:items = type(l:found) == v:t_dict ? l:found.items : type(l:found) == v:t_list ? l:found : []
  let s:items = map(copy(l:items), {_, i -> {
        \ 'word': i.textEdit.newText, 'abbr': i.label, 'menu': get(i, 'detail', '')}})
  return empty(l:items) ? -3 : byteidx(l:text, l:items[0].textEdit.range.start.character)
endfunction

augroup cabhfuil
  autocmd FileType gitcommit,gitrebase setlocal omnifunc=CabhfuilComplete
augroup END

function! s:Show(commit) abort
  execute 'new' fnameescape('commit ' . a:commit.sha)
  setlocal buftype=nofile bufhidden=wipe noswapfile modifiable
  call setline(1, split(a:commit.text, "\n"))
  setlocal nomodifiable filetype=git
endfunction

" A message that is being written lies in .git, other files say where they are.
command! -nargs=? CabhfuilCommit call CabhfuilAsk('commit',
      \ {'sha': empty(<q-args>) ? expand('<cword>') : <q-args>, 'uri': 'file://' . expand('%:p')},
      \ function('s:Show'))
