" The scenario of editor.sh in Vim with ALE.

" A script of -S comes before VimEnter.
if !v:vim_did_enter
  doautocmd VimEnter
endif

let s:facts = {}
for s:line in readfile($CABHFUIL_FACTS)
  let s:facts[matchstr(s:line, '^[a-z]\+')] = substitute(s:line, '^[a-z]\+=', '', '')
endfor
let s:short = s:facts.sha[:11]
let s:patience = 60 " seconds; a large repository has to be read first
let s:passed = 0
let s:failed = 0

function! s:Say(line) abort
  call writefile([a:line], $CABHFUIL_REPORT, 'a')
endfunction

function! s:Check(feature, name, Run) abort
  try
    call a:Run()
    let s:passed += 1
    call s:Say('PASS ' . a:feature . ': ' . a:name)
  catch
    let s:failed += 1
    call s:Say('FAIL ' . a:feature . ': ' . a:name . ': ' . v:exception . ' ' . v:throwpoint)
  endtry
endfunction

" Waits until Probe returns something, and returns that. Again, where it is
" given, is done once a second: an answer may come before commits are read.
function! s:Await(what, Probe, ...) abort
  let l:began = reltime()
  let l:again = 0
  while reltimefloat(reltime(l:began)) < s:patience
    if a:0 && reltimefloat(reltime(l:began)) >= l:again
      call a:1()
      let l:again += 1
    endif
    let l:found = a:Probe()
    if !empty(l:found)
      return l:found
    endif
    sleep 50m
  endwhile
  throw 'no ' . a:what
endfunction

function! s:Go(text) abort
  call cursor(1, 1)
  if !search('\V' . escape(a:text, '\'), 'cW')
    throw 'the buffer has no ' . a:text
  endif
endfunction

" The text of the first window but the current one that has a text.
function! s:Beside(text) abort
  for l:window in range(1, winnr('$'))
    let l:shown = join(getbufline(winbufnr(l:window), 1, '$'), "\n")
    if l:window != winnr() && stridx(l:shown, a:text) >= 0
      return l:shown
    endif
  endfor
  return ''
endfunction

" ALE does not tell its version, but whether it has one.
function! s:Ale() abort
  for l:major in range(9, 1, -1)
    for l:minor in range(20, 0, -1)
      if ale#Has(printf('ale-%d.%d.0', l:major, l:minor))
        return l:major . '.' . l:minor
      endif
    endfor
  endfor
endfunction
call s:Say('EDITOR Vim ' . v:version / 100 . '.' . v:version % 100 . ', ALE ' . s:Ale())

function! s:Start() abort
  call s:Await('linter', {-> filter(ale#linter#Get(&filetype), {_, l -> l.name ==# 'cabhfuil'})})
endfunction
call s:Check('start', 'ALE knows the server', function('s:Start'))

function! s:Hover() abort
  call s:Go(s:short)
  let l:card = s:Await('hover', {-> s:Beside(s:facts.upstream)}, {-> ale#hover#ShowAtCursor()})
  if stridx(l:card, s:short) < 0
    throw 'no SHA in: ' . l:card
  endif
  pclose
endfunction
call s:Check('hover', 'a hover on a SHA shows the commit and its lines', function('s:Hover'))

call s:Say('LACKS lenses: ALE draws no code lenses')

function! s:Symbols() abort
  call s:Go(s:short)
  call s:Await('symbol', {-> s:Selection()}, {-> ale#symbol#Search(s:facts.subject)})
endfunction
" The selection takes the window over, so that it has to be left again.
function! s:Selection() abort
  for l:window in range(1, winnr('$'))
    if getwinvar(l:window, '&filetype') =~# 'ale-preview-selection'
          \ && stridx(join(getbufline(winbufnr(l:window), 1, '$'), "\n"), s:short) >= 0
      pclose
      return 1
    endif
  endfor
  if &filetype =~# 'ale-preview-selection'
    pclose
  endif
  return 0
endfunction
call s:Check('symbols', ':ALESymbolSearch finds the commit', function('s:Symbols'))

function! s:Definition() abort
  let l:changelog = bufnr('')
  call s:Go(s:short)
  call s:Await('commit file', {-> stridx(bufname(''), s:facts.sha) >= 0}, {-> ale#definition#GoToCommandHandler('')})
  if stridx(join(getline(1, '$'), "\n"), 'commit ' . s:facts.sha) < 0
    throw 'another text: ' . getline(1)
  endif
  execute 'buffer' l:changelog
endfunction
call s:Check('definition', ':ALEGoToDefinition opens the commit', function('s:Definition'))

function! s:Command() abort
  let l:answers = []
  call CabhfuilAsk('where', {'keys': [s:facts.sha]}, {r -> add(l:answers, r)})
  call s:Await('answer', {-> l:answers})
  if l:answers[0][0].matches[0].commit.sha !=# s:facts.sha
    throw 'another answer: ' . string(l:answers)
  endif
endfunction
call s:Check('command', 'cabhfuil.where answers', function('s:Command'))

function! s:Commit() abort
  call s:Go(s:short)
  CabhfuilCommit
  call s:Await('commit buffer', {-> stridx(bufname(''), s:facts.sha) >= 0})
  if stridx(join(getline(1, '$'), "\n"), 'commit ' . s:facts.sha) < 0
    throw 'another text: ' . getline(1)
  endif
  bwipeout!
endfunction
call s:Check('commit', ':CabhfuilCommit shows the commit', function('s:Commit'))

call s:Say('LACKS search: The configuration has no search but that of symbols')
call s:Say('LACKS missing: The configuration has no list of what a line lacks')

execute 'edit' fnameescape(s:facts.directory . '/.git/COMMIT_EDITMSG')
set filetype=gitcommit

function! s:Diagnostics() abort
  call ale#Queue(0, 'lint_file')
  call s:Await('diagnostic', {-> filter(ale#engine#GetLoclist(bufnr('')), {_, d -> d.lnum == 3 && get(d, 'code', '') ==# 'fixes-unknown'})})
endfunction
call s:Check('diagnostics', 'a message that names no commit is marked', function('s:Diagnostics'))

function! s:Completion() abort
  call append(3, '')
  call cursor(4, 1)
  call s:Await('completion that inserts the commit', {-> stridx(getline(4), s:short) >= 0}, function('s:Complete'))
endfunction
" What <C-x><C-o> does; keys that are fed ahead would interrupt it.
function! s:Complete() abort
  setlocal virtualedit=onemore
  call setline(4, 'Fixes: ' . matchstr(s:facts.subject, '^\S\+'))
  call cursor(4, col([4, '$']))
  let l:start = call(&omnifunc, [1, ''])
  if l:start >= 0
    let l:items = call(&omnifunc, [0, strpart(getline(4), l:start)])
    call setline(4, strpart(getline(4), 0, l:start) . l:items[0].word)
  endif
endfunction
call s:Check('completion', 'Fixes: completes words of a subject', function('s:Completion'))

call s:Say(s:passed . ' passed, ' . s:failed . ' failed')
if s:failed
  cquit 1
endif
qall!
