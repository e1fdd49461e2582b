-- Hovers over the commit that the note names, as the README's last step says, and
-- ends Neovim with 1 where no window shows it.

local subject = os.getenv('CABHFUIL_TEST_SUBJECT')

local function shown()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      local lines = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(window), 0, -1, false)
      return table.concat(lines, '\n')
    end
  end
end

vim.fn.search('\\v[0-9a-f]{7,}')
local word = subject:match('^[%w ]*')
local done = vim.wait(120000, function()
  local text = shown()
  if text and text:find(word, 1, true) then
    return true
  end
  if not text then
    pcall(vim.lsp.buf.hover)
  end
  return false
end, 200)
print(shown() or 'no hover\n')
vim.cmd(done and 'qall!' or 'cquit 1')
