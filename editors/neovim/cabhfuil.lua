-- Cá Bhfuil in Neovim, 0.7 and later. Put this file into ~/.config/nvim/plugin/.
-- It stands beside any other language server of the buffer.

local function attach(buffer)
  -- Commits are named in files of every kind; buffers that are no file have no repository.
  if vim.bo[buffer].buftype ~= '' or vim.api.nvim_buf_get_name(buffer) == '' then
    return
  end
  local dir = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ':p:h')
  local git = vim.fn.finddir('.git', dir .. ';')
  if git == '' then
    git = vim.fn.findfile('.git', dir .. ';') -- a linked work tree or submodule
  end
  if git == '' then
    return
  end
  local root = vim.fn.fnamemodify(git, ':p'):gsub('/+$', ''):match('^(.*)/[^/]*$')
  local config = {
    name = 'cabhfuil',
    cmd = { vim.g.cabhfuil_server or 'cabhfuil-lsp', '--stdio' },
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(root), name = vim.fn.fnamemodify(root, ':t') } },
  }
  if vim.lsp.start then -- since 0.8; reuses the root's client
    vim.lsp.start(config, { bufnr = buffer })
    return
  end
  for _, client in pairs(vim.lsp.get_active_clients()) do
    if client.name == config.name and client.config.root_dir == root then
      vim.lsp.buf_attach_client(buffer, client.id)
      return
    end
  end
  local id = vim.lsp.start_client(config)
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
end

-- What a lens does when it is run: shows its first commit in a buffer of its
-- own. Without this, old versions would do nothing, as they cannot show a
-- document that a server asks them to show.
vim.lsp.commands['cabhfuil.show'] = function(command, context)
  local lens = command.arguments[1]
  local ask = { command = 'cabhfuil.commit', arguments = { { sha = lens.keys[1], uri = lens.uri } } }
  vim.lsp.get_client_by_id(context.client_id).request('workspace/executeCommand', ask, function(err, commit)
    if err then
      vim.notify(err.message, vim.log.levels.ERROR)
      return
    end
    local buffer = vim.fn.bufadd('cabhfuil://' .. commit.repository .. '/' .. commit.sha)
    vim.bo[buffer].buftype = 'nofile'
    vim.bo[buffer].bufhidden = 'wipe'
    vim.bo[buffer].modifiable = true
    vim.fn.bufload(buffer)
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, vim.split(commit.text, '\n'))
    vim.bo[buffer].modifiable = false
    vim.bo[buffer].filetype = 'git'
    vim.cmd('sbuffer ' .. buffer)
  end, context.bufnr)
end

local group = vim.api.nvim_create_augroup('cabhfuil', {})
vim.api.nvim_create_autocmd({ 'BufReadPost', 'BufNewFile' }, {
  group = group,
  callback = function(event) attach(event.buf) end,
})
-- Lenses are drawn when they are asked for; these are good moments.
vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'BufWritePost' }, {
  group = group,
  callback = function(event)
    for _, client in pairs(vim.lsp.buf_get_clients(event.buf)) do
      if client.name == 'cabhfuil' then
        vim.lsp.codelens.refresh()
      end
    end
  end,
})
