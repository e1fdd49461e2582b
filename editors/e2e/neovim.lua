-- The checks of neovim.sh, run inside Neovim once the changelog is open.

local facts = {}
for line in io.lines(os.getenv('CABHFUIL_FACTS')) do
  local name, value = line:match('^(%w+)=(.*)$')
  facts[name] = value
end
local short = facts.sha:sub(1, 12)
local patience = 120000 -- ms; a large repository has to be read first
local passed, failed = 0, 0

local function check(name, run)
  local ok, why = pcall(run)
  if ok then
    passed = passed + 1
    print('PASS ' .. name .. '\n')
  else
    failed = failed + 1
    print('FAIL ' .. name .. ': ' .. tostring(why) .. '\n')
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

check('the server is attached', function()
  await('client', function()
    local _, client = next(vim.lsp.buf_get_clients(0))
    return client and client.initialized
  end)
end)
if failed > 0 then
  finish() -- all else would wait for a server that is not there
end

check('a hover on a SHA shows the commit and its lines', function()
  go(short)
  local shown
  await('hover', function()
    -- The commits may still be being read, which the hover then says.
    local hover = request('textDocument/hover', vim.lsp.util.make_position_params())
    return hover and hover.contents.value:find(facts.upstream, 1, true)
  end)
  vim.lsp.buf.hover()
  shown = text_of(await('floating window', floating))
  contains(shown, short)
  contains(shown, facts.upstream)
  vim.api.nvim_win_close(floating(), true)
end)

check('a word that names no commit has no hover', function()
  go('deadbeef1')
  assert(not request('textDocument/hover', vim.lsp.util.make_position_params()))
end)

check('lenses are listed, resolved and drawn', function()
  local line = go(short)
  vim.lsp.codelens.refresh()
  local lens = await('lens', function()
    for _, l in ipairs(vim.lsp.codelens.get(0)) do
      if l.range.start.line == line and l.command then
        return l
      end
    end
  end)
  contains(lens.command.title, facts.upstream)
end)

check('settings hide lenses and show them again', function()
  local _, client = next(vim.lsp.buf_get_clients(0))
  local document = { textDocument = vim.lsp.util.make_text_document_params() }
  for _, shown in ipairs({ false, true }) do
    client.config.settings = { cabhfuil = { codeLens = shown } }
    client.notify('workspace/didChangeConfiguration', { settings = client.config.settings })
    await('lenses: ' .. tostring(shown), function()
      return (#(request('textDocument/codeLens', document) or {}) > 0) == shown
    end)
  end
end)

check('a lens that is run shows its commit', function()
  go(short)
  vim.lsp.codelens.run()
  await('commit buffer', function() return vim.api.nvim_buf_get_name(0):find(facts.sha, 1, true) end)
  contains(text_of(0), 'commit ' .. facts.sha)
  vim.cmd('bwipeout!')
end)

check('workspace symbols find the commit', function()
  -- Words are indexed after the graph is ready.
  await('symbol ' .. short, function()
    for _, symbol in ipairs(request('workspace/symbol', { query = facts.subject }) or {}) do
      if symbol.name:find(short, 1, true) then
        return true
      end
    end
  end)
end)

check('definition opens the commit', function()
  go(short)
  vim.lsp.buf.definition()
  await('commit file', function() return vim.api.nvim_buf_get_name(0):find(facts.sha, 1, true) end)
  contains(text_of(0), 'commit ' .. facts.sha)
end)

check('the server ends when it is told to', function()
  vim.lsp.stop_client(vim.lsp.get_active_clients())
  await('end', function() return #vim.lsp.get_active_clients() == 0 end)
end)

finish()
