-- The scenario of editor.sh, run inside Neovim once the changelog is open.

local cabhfuil = require('cabhfuil')

local facts = {}
for line in io.lines(os.getenv('CABHFUIL_FACTS')) do
  local name, value = line:match('^(%w+)=(.*)$')
  facts[name] = value
end
local short = facts.sha:sub(1, 12)
local patience = 120000 -- ms; a large repository has to be read first
local passed, failed = 0, 0

-- A check of one of the features that results/README.md lists.
local function check(feature, name, run)
  local ok, why = pcall(run)
  if ok then
    passed = passed + 1
    print('PASS ' .. feature .. ': ' .. name .. '\n')
  else
    failed = failed + 1
    print('FAIL ' .. feature .. ': ' .. name .. ': ' .. tostring(why):gsub('%s+', ' ') .. '\n')
  end
end

local function finish()
  print(passed .. ' passed, ' .. failed .. ' failed\n')
  vim.cmd(failed == 0 and 'qall!' or 'cquit 1')
end

-- Waits until probe returns something, and returns that.
local function await(what, probe)
  local found
  local done = vim.wait(patience, function()
    found = probe()
    return found
  end, 50)
  assert(done, 'no ' .. what)
  return found
end

local function request(method, params)
  for _, answer in pairs(vim.lsp.buf_request_sync(0, method, params, patience) or {}) do
    assert(not answer.error, vim.inspect(answer.error))
    return answer.result
  end
end

-- Puts the cursor onto the first place of a text and returns its line, from 0.
local function go(text)
  vim.fn.cursor(1, 1)
  local line = vim.fn.search('\\V' .. vim.fn.escape(text, '\\'), 'cW')
  assert(line > 0, 'the buffer has no ' .. text)
  return line - 1
end

local function text_of(window)
  return table.concat(vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false), '\n')
end

local function floating()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      return window
    end
  end
end

local function contains(text, expected)
  assert(text:find(expected, 1, true), 'no "' .. expected .. '" in: ' .. text)
end

-- The cursor as a request's parameters. All lines here are ASCII.
local function here()
  local at = vim.api.nvim_win_get_cursor(0)
  return {
    textDocument = { uri = vim.uri_from_bufnr(0) },
    position = { line = at[1] - 1, character = at[2] },
  }
end

-- Opens the buffer of a commit by run, checks it, and closes it.
local function expect_commit(sha, run)
  run()
  await('commit buffer', function()
    return vim.api.nvim_buf_get_name(0):find(sha, 1, true) and text_of(0):find('commit ' .. sha, 1, true)
  end)
end

print('EDITOR Neovim ' .. tostring(vim.version().major) .. '.' .. vim.version().minor .. '.' .. vim.version().patch .. '\n')

check('start', 'the server is attached', function()
  await('client', function()
    local client = cabhfuil.clients(0)[1]
    return client and client.initialized
  end)
end)
if failed > 0 then
  finish() -- all else would wait for a server that is not there
end

check('hover', 'a hover on a SHA shows the commit and its lines', function()
  go(short)
  await('hover', function()
    -- The commits may still be being read, which the hover then says.
    local hover = request('textDocument/hover', here())
    return hover and hover.contents.value:find(facts.upstream, 1, true)
  end)
  vim.lsp.buf.hover()
  local shown = text_of(await('floating window', floating))
  contains(shown, short)
  contains(shown, facts.upstream)
  vim.api.nvim_win_close(floating(), true)
end)

check('hover', 'a word that names no commit has no hover', function()
  go('deadbeef1')
  assert(not request('textDocument/hover', here()))
end)

local function lens_of(line)
  -- 0.12 has lenses with their client, and resolves those that it draws.
  vim.cmd('redraw')
  for _, found in ipairs(vim.lsp.codelens.enable and vim.lsp.codelens.get({ bufnr = 0 }) or vim.lsp.codelens.get(0)) do
    local lens = found.lens or found
    if lens.range.start.line == line and lens.command then
      return lens
    end
  end
end

check('lenses', 'lenses are listed, resolved and drawn', function()
  local line = go(short)
  cabhfuil.draw(0)
  local lens = await('lens', function() return lens_of(line) end)
  contains(lens.command.title, facts.upstream)
  await('virtual text', function()
    for name, space in pairs(vim.api.nvim_get_namespaces()) do
      if name:find('codelens', 1, true) then
        for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(0, space, { line, 0 }, { line, -1 }, { details = true })) do
          if vim.inspect(mark[4]):find(facts.upstream, 1, true) then
            return true
          end
        end
      end
    end
  end)
end)

check('lenses', 'settings hide lenses and show them again', function()
  local client = cabhfuil.clients(0)[1]
  local document = { textDocument = here().textDocument }
  for _, shown in ipairs({ false, true }) do
    client.config.settings = { cabhfuil = { codeLens = shown } }
    client.settings = client.config.settings -- its place since 0.10
    local changed = { 'workspace/didChangeConfiguration', { settings = client.config.settings } }
    if vim.fn.has('nvim-0.11') == 1 then
      client:notify(unpack(changed))
    else
      client.notify(unpack(changed))
    end
    await('lenses: ' .. tostring(shown), function()
      return (#(request('textDocument/codeLens', document) or {}) > 0) == shown
    end)
  end
end)

check('commit', 'a lens that is run shows its commit', function()
  local line = go(short)
  cabhfuil.draw(0)
  await('lens', function() return lens_of(line) end)
  expect_commit(facts.sha, vim.lsp.codelens.run)
  vim.cmd('bwipeout!')
end)

check('commit', 'a commit buffer can be hovered over itself', function()
  go(short)
  expect_commit(facts.sha, function() vim.cmd('CabhfuilCommit') end)
  go(short)
  await('hover', function()
    local hover = request('textDocument/hover', here())
    return hover and hover.contents.value:find(short, 1, true)
  end)
  assert(not vim.bo.modifiable, 'it can be changed')
  vim.cmd('bwipeout!')
end)

check('symbols', 'workspace symbols find the commit', function()
  -- Words are indexed after the graph is ready.
  await('symbol ' .. short, function()
    for _, symbol in ipairs(request('workspace/symbol', { query = facts.subject }) or {}) do
      if symbol.name:find(short, 1, true) then
        return true
      end
    end
  end)
end)

check('definition', 'definition opens the commit', function()
  go(short)
  local changelog = vim.api.nvim_get_current_buf()
  expect_commit(facts.sha, vim.lsp.buf.definition)
  await('client of the commit file', function() return #cabhfuil.clients(0) > 0 end)
  vim.cmd('buffer ' .. changelog)
end)

check('command', 'cabhfuil.where answers', function()
  local answer
  cabhfuil.ask('where', { keys = { facts.sha } }, function(result) answer = result end)
  await('answer', function() return answer end)
  assert(answer[1].matches[1].commit.sha == facts.sha)
end)

check('search', ':CabhfuilSearch offers the commit and shows it', function()
  local offered, prompt
  vim.ui.select = function(items, opts, choose)
    offered, prompt = items, opts.prompt
    for _, item in ipairs(items) do
      if item.sha == facts.sha then
        contains(opts.format_item(item), facts.subject)
        choose(item)
      end
    end
  end
  expect_commit(facts.sha, function() vim.cmd('CabhfuilSearch commit:' .. facts.sha) end)
  assert(#offered == 1 and prompt == 'Commits')
  vim.cmd('bwipeout!')
end)

-- Where it is named it has to load; elsewhere a package may have brought it.
if (os.getenv('CABHFUIL_TELESCOPE') or '') ~= '' or pcall(require, 'telescope') then
  check('telescope', 'Telescope finds the commit and shows it', function()
    require('telescope').load_extension('cabhfuil')
    vim.o.columns, vim.o.lines = 200, 60 -- a small window has no preview
    vim.cmd('Telescope cabhfuil')
    local state = require('telescope.actions.state')
    local picker = await('picker', function() return state.get_current_picker(vim.api.nvim_get_current_buf()) end)
    picker:set_prompt('commit:' .. facts.sha)
    local prompt = vim.api.nvim_get_current_buf()
    await('entry', function()
      local entry = state.get_selected_entry()
      return entry and entry.value.sha == facts.sha
    end)
    await('preview', function()
      local preview = picker.previewer and picker.previewer.state
      return preview and preview.bufnr and table.concat(vim.api.nvim_buf_get_lines(preview.bufnr, 0, -1, false), '\n'):find(facts.sha, 1, true)
    end)
    expect_commit(facts.sha, function() require('telescope.actions').select_default(prompt) end)
    vim.cmd('bwipeout!')
  end)
end

if facts.line ~= '' then
  check('missing', ':CabhfuilMissing fills the quickfix list', function()
    vim.cmd('CabhfuilMissing ' .. facts.line)
    local item = await('item', function()
      for _, item in ipairs(vim.fn.getqflist()) do
        if item.text:find(facts.lacked:sub(1, 12), 1, true) then
          return item
        end
      end
    end)
    contains(vim.fn.getqflist({ title = 1 }).title, facts.line)
    vim.cmd('cclose')
    expect_commit(facts.lacked, function() vim.cmd('buffer ' .. item.bufnr) end)
    vim.cmd('bwipeout!')
  end)
end

vim.cmd('edit ' .. vim.fn.fnameescape(facts.directory .. '/.git/COMMIT_EDITMSG'))

check('diagnostics', 'a message that names no commit is marked', function()
  await('diagnostic', function()
    for _, found in ipairs(vim.diagnostic.get(0)) do
      if found.lnum == 2 and found.code == 'fixes-unknown' then
        return true
      end
    end
  end)
end)

check('completion', 'Fixes: completes words of a subject', function()
  local word = facts.subject:match('^%S+')
  vim.api.nvim_buf_set_lines(0, 3, 3, false, { 'Fixes: ' .. word })
  vim.api.nvim_win_set_cursor(0, { 4, #('Fixes: ' .. word) - 1 })
  assert(vim.bo.omnifunc:find('lsp', 1, true), 'omnifunc is ' .. vim.bo.omnifunc)
  local asked = here()
  asked.position.character = #('Fixes: ' .. word)
  await('item', function()
    local found = request('textDocument/completion', asked) or {}
    for _, item in ipairs(found.items or found) do
      local text = item.textEdit and item.textEdit.newText or item.insertText or item.label
      if text:find(short, 1, true) and text:find(facts.subject, 1, true) then
        return true
      end
    end
  end)
end)

check('start', 'the server ends when it is told to', function()
  local clients = cabhfuil.clients()
  for _, client in ipairs(clients) do
    if vim.fn.has('nvim-0.11') == 1 then
      client:stop()
    else
      client.stop()
    end
  end
  await('end', function() return #cabhfuil.clients() == 0 end)
end)

finish()
