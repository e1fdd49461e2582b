-- Starts Cá Bhfuil with Neovim. Set vim.g.cabhfuil before, or call
-- require('cabhfuil').setup yourself, to choose otherwise.
if vim.g.loaded_cabhfuil then
  return
end
vim.g.loaded_cabhfuil = true

require('cabhfuil').setup(vim.g.cabhfuil)
