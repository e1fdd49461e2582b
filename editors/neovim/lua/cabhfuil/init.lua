-- Cá Bhfuil in Neovim, 0.7 and later. It stands beside any other language server
-- of a buffer.
local M = {}

local NAME = 'cabhfuil'

-- What setup may change.
--   cmd       how the server is started
--   settings  the settings of a window, docs/configuration.md in the source
--   lenses    whether lenses are drawn and kept up to date
--   timeout   ms that a commit buffer waits for the server
local options = {
  cmd = { vim.g.cabhfuil_server or 'cabhfuil-lsp', '--stdio' },
  settings = {},
  lenses = true,
  timeout = 10000,
}

--- The clients of our server, of one buffer or of all.
function M.clients(buffer)
  local found = {}
  -- get_clients is of 0.10, where get_active_clients began to warn.
  local all
  if vim.lsp.get_clients then
    all = vim.lsp.get_clients({ bufnr = buffer })
  elseif buffer then
    all = vim.lsp.buf_get_clients(buffer)
  else
    all = vim.lsp.get_active_clients()
  end
  for _, client in pairs(all) do
    if client.name == NAME then
      found[#found + 1] = client
    end
  end
  return found
end

-- Methods of a client took no self before 0.11.
local methods_take_self = vim.fn.has('nvim-0.11') == 1

local function method(client, name, ...)
  if methods_take_self then
    return client[name](client, ...)
  end
  return client[name](...)
end

local function said(message)
  vim.notify(NAME .. ': ' .. message, vim.log.levels.ERROR)
end

--- Asks for one of the server's commands, such as 'search' with {query = …}.
--- done gets its result; an error is shown.
function M.ask(command, argument, done, client)
  client = client or M.clients(0)[1] or M.clients()[1]
  if not client then
    said('no server runs; open a file of a git repository')
    return
  end
  local params = { command = NAME .. '.' .. command, arguments = { argument } }
  method(client, 'request', 'workspace/executeCommand', params, function(err, result)
    if err then
      said(err.message)
    else
      done(result, client)
    end
  end, 0)
end

--- The same for callers that cannot wait: result, or nil and why.
function M.ask_now(command, argument)
  local params = { command = NAME .. '.' .. command, arguments = { argument } }
  local why = 'no server runs'
  -- Of several servers, each knows the repositories that it came by.
  for _, client in ipairs(M.clients()) do
    local reply, late = method(client, 'request_sync', 'workspace/executeCommand', params, options.timeout, 0)
    if reply and reply.result then
      return reply.result
    end
    why = reply and reply.err and reply.err.message or late or why
  end
  return nil, why
end

--- The name of a commit's buffer, which is also its address for the server.
function M.buffer_name(repository, sha)
  return (vim.uri_from_fname('/' .. repository .. '/' .. sha .. '.commit'):gsub('^file:', NAME .. ':'))
end

--- Shows a commit in a buffer of its own, in which hovers and definitions work.
function M.show(repository, sha)
  vim.cmd('split ' .. vim.fn.fnameescape(M.buffer_name(repository, sha)))
end

-- Fills a buffer that is named cabhfuil:///REPOSITORY/SHA.commit.
local function read(buffer)
  local name = vim.api.nvim_buf_get_name(buffer)
  -- The address of a file below / has the same path.
  local path = vim.uri_to_fname((name:gsub('^' .. NAME .. ':', 'file:')))
  local repository, sha = path:match('^/(.+)/(%x+)%.commit$')
  local commit, why
  if sha then
    commit, why = M.ask_now('commit', { sha = sha, repository = repository })
  else
    why = 'not a commit: ' .. name
  end
  vim.bo[buffer].buftype = 'nofile'
  vim.bo[buffer].swapfile = false
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(commit and commit.text or why, '\n'))
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].modified = false
  vim.bo[buffer].filetype = 'git'
  for _, client in ipairs(commit and M.clients() or {}) do
    vim.lsp.buf_attach_client(buffer, client.id)
  end
end

local function is_sha(word)
  return word:match('^%x+$') and #word >= 7
end

--- :CabhfuilCommit [SHA]. Without one, the SHA at the cursor.
function M.commit(sha)
  sha = sha ~= '' and sha or vim.fn.expand('<cword>')
  if not is_sha(sha) then
    said('no SHA: ' .. sha)
    return
  end
  M.ask('commit', { sha = sha, uri = vim.uri_from_bufnr(0) }, function(commit)
    M.show(commit.repository, commit.sha)
  end)
end

--- A hit or a change as one line.
function M.line(commit)
  return ('%s  %s  %s'):format(commit.sha:sub(1, 12), commit.date:sub(1, 10), commit.subject)
end

-- What was found, though some repositories could not be asked.
local function tell(errors)
  for _, e in ipairs(errors or {}) do
    said(e.repository .. ': ' .. e.message)
  end
end

--- :CabhfuilSearch [QUERY]. Lets choose among what was found, by vim.ui.select,
--- and shows the commit.
function M.search(query)
  local function choose(found)
    tell(found.errors)
    if #found.hits == 0 then
      said('nothing found for ' .. found.query)
      return
    end
    vim.ui.select(found.hits, { prompt = 'Commits', format_item = M.line, kind = NAME }, function(hit)
      if hit then
        M.show(hit.repository, hit.sha)
      end
    end)
  end
  local function ask(text)
    if text and text ~= '' then
      M.ask('search', { query = text, limit = 100 }, choose)
    end
  end
  if query and query ~= '' then
    ask(query)
  else
    vim.ui.input({ prompt = 'Search commits: ' }, ask)
  end
end

--- :CabhfuilMissing[!] LINE [FROM]. What LINE lacks of the upstream line, or of
--- FROM, as quickfix list; with ! only what LINE needs.
function M.missing(line, upstream, needed)
  local argument = { from = line, ['in'] = upstream, needed = needed or nil, uri = vim.uri_from_bufnr(0) }
  M.ask('missing', argument, function(missing)
    local items = {}
    for _, change in ipairs(missing.changes) do
      items[#items + 1] = {
        filename = M.buffer_name(missing.repository, change.sha),
        lnum = 1,
        type = change.needed and 'W' or 'I',
        text = ('%s (%s)'):format(M.line(change), change.reason),
      }
    end
    local title = ('%s: missing from %s'):format(missing.repository, missing.from)
    vim.fn.setqflist({}, ' ', { title = title, items = items })
    if #items == 0 then
      vim.notify(title .. ': nothing')
    else
      vim.cmd('copen')
    end
  end)
end

-- The root of the repository that a file lies in, or nil.
local function root_of(file)
  local dir = vim.fn.fnamemodify(file, ':p:h')
  local git = vim.fn.finddir('.git', dir .. ';')
  if git == '' then
    git = vim.fn.findfile('.git', dir .. ';') -- a linked work tree or submodule
  end
  if git == '' then
    return nil
  end
  return (vim.fn.fnamemodify(git, ':p'):gsub('/+$', ''):match('^(.*)/[^/]*$'))
end

--- Attaches the server to a buffer, where that is a file of a repository.
function M.attach(buffer)
  local file = vim.api.nvim_buf_get_name(buffer)
  if vim.bo[buffer].buftype ~= '' or file == '' then
    return
  end
  -- The server writes a commit into a file when go to definition leads there.
  if file:match('/commits/[^/]+/%x+%.commit$') then
    vim.bo[buffer].filetype = 'git'
    for _, client in ipairs(M.clients()) do
      vim.lsp.buf_attach_client(buffer, client.id)
    end
    return
  end
  local root = root_of(file)
  if not root then
    return
  end
  local config = {
    name = NAME,
    cmd = options.cmd,
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = vim.fn.fnamemodify(root, ':t') } },
    -- An empty table of Lua would be sent as a list.
    init_options = next(options.settings) and options.settings or nil,
    settings = { [NAME] = next(options.settings) and options.settings or nil },
    on_attach = function(client, attached)
      if vim.bo[attached].omnifunc == '' then -- set by itself since 0.8
        vim.bo[attached].omnifunc = 'v:lua.vim.lsp.omnifunc'
      end
      M.draw(attached)
    end,
  }
  if vim.lsp.start then -- since 0.8; reuses the root's client
    vim.lsp.start(config, { bufnr = buffer })
    return
  end
  for _, client in ipairs(M.clients()) do
    if client.config.root_dir == root then
      vim.lsp.buf_attach_client(buffer, client.id)
      return
    end
  end
  local id = vim.lsp.start_client(config)
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
end

--- Draws the lenses of a file's buffer. Commit buffers are often closed before the
--- lenses are there, which 0.7 takes for an error.
function M.draw(buffer)
  buffer = buffer == 0 and vim.api.nvim_get_current_buf() or buffer
  if not options.lenses or vim.bo[buffer].buftype ~= '' or #M.clients(buffer) == 0 then
    return
  end
  if vim.lsp.codelens.enable then -- since 0.12, which then redraws by itself
    vim.lsp.codelens.enable(true, { bufnr = buffer })
  elseif vim.fn.has('nvim-0.10') == 1 then
    vim.lsp.codelens.refresh({ bufnr = buffer })
  elseif buffer == vim.api.nvim_get_current_buf() then
    vim.lsp.codelens.refresh()
  end
end

-- What a lens does when it is run. Without this, old versions would do nothing,
-- as they cannot show a document that a server asks them to show.
local function run_lens(command, context)
  local lens = command.arguments[1]
  local sha = lens.keys and lens.keys[1]
  if sha then
    M.ask('commit', { sha = sha, uri = lens.uri }, function(commit)
      M.show(commit.repository, commit.sha)
    end, vim.lsp.get_client_by_id(context.client_id))
  end
end

--- Starts the server for the files of repositories, and defines the commands.
function M.setup(chosen)
  options = vim.tbl_extend('force', options, chosen or {})
  vim.lsp.commands['cabhfuil.show'] = run_lens

  local function command(name, run, about, attributes)
    attributes = vim.tbl_extend('error', { desc = about, force = true }, attributes)
    vim.api.nvim_create_user_command(name, run, attributes)
  end
  command('CabhfuilCommit', function(c) M.commit(c.args) end, 'Show a commit', { nargs = '?' })
  command('CabhfuilSearch', function(c) M.search(c.args) end, 'Search commits', { nargs = '*' })
  command('CabhfuilMissing', function(c)
    M.missing(c.fargs[1], c.fargs[2], c.bang)
  end, 'List what a release line lacks', { nargs = '+', bang = true })

  local group = vim.api.nvim_create_augroup(NAME, {})
  local function on(events, pattern, run)
    vim.api.nvim_create_autocmd(events, {
      group = group,
      pattern = pattern,
      callback = function(event) run(event.buf) end,
    })
  end
  on({ 'BufReadPost', 'BufNewFile' }, '*', M.attach)
  on({ 'BufReadCmd' }, NAME .. ':///*', read)
  -- Lenses are drawn when they are asked for; these are good moments.
  on({ 'BufEnter', 'CursorHold', 'InsertLeave', 'BufWritePost' }, '*', M.draw)
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      M.attach(buffer)
    end
  end
end

return M
