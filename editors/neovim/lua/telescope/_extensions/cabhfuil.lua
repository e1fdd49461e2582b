-- :Telescope cabhfuil searches commits while you type, and shows them beside.
local cabhfuil = require('cabhfuil')
local telescope = require('telescope')
local actions = require('telescope.actions')
local state = require('telescope.actions.state')
local finders = require('telescope.finders')
local pickers = require('telescope.pickers')
local previewers = require('telescope.previewers')
local sorters = require('telescope.sorters')

local function find(prompt)
  if prompt == '' then
    return {}
  end
  -- A query that is not finished may be wrong; it finds nothing then.
  local found = cabhfuil.ask_now('search', { query = prompt, limit = 100 })
  return found and found.hits or {}
end

local function entry(hit)
  return { value = hit, display = cabhfuil.line(hit), ordinal = cabhfuil.line(hit) }
end

local function search(opts)
  opts = opts or {}
  pickers.new(opts, {
    prompt_title = 'Commits',
    finder = finders.new_dynamic({ fn = find, entry_maker = entry }),
    sorter = sorters.empty(), -- the server's order
    previewer = previewers.new_buffer_previewer({
      title = 'Commit',
      define_preview = function(self, chosen)
        local hit = chosen.value
        local commit, why = cabhfuil.ask_now('commit', { sha = hit.sha, repository = hit.repository })
        vim.api.nvim_buf_set_lines(self.state.bufnr, 0, -1, false, vim.split(commit and commit.text or why, '\n'))
        vim.bo[self.state.bufnr].filetype = 'git'
      end,
    }),
    attach_mappings = function(prompt)
      actions.select_default:replace(function()
        local chosen = state.get_selected_entry()
        actions.close(prompt)
        if chosen then
          cabhfuil.show(chosen.value.repository, chosen.value.sha)
        end
      end)
      return true
    end,
  }):find()
end

return telescope.register_extension({ exports = { cabhfuil = search, search = search } })
