;;; emacs-lsp-mode.el --- The scenario in Emacs with lsp-mode  -*- lexical-binding: t -*-

;;; Code:

(load (expand-file-name "emacs.el" (file-name-directory load-file-name)) nil t)
(require 'cabhfuil-lsp-mode)
(require 'lsp-lens)
(require 'lsp-completion)
(require 'lsp-diagnostics)

(message "EDITOR Emacs %s, lsp-mode %s" emacs-version
         (progn (require 'lisp-mnt) (require 'find-func)
                (lm-version (find-library-name "lsp-mode"))))

(defun e2e-hover ()
  (let ((hover (lsp-request "textDocument/hover" (lsp--text-document-position-params))))
    (and hover (lsp--render-on-hover-content (lsp-get hover :contents) t))))

(setq cabhfuil-server (getenv "CABHFUIL_SERVER")
      lsp-response-timeout e2e-patience
      lsp-auto-guess-root t
      lsp-enable-suggest-server-download nil
      lsp-diagnostics-provider :flymake
      lsp-completion-provider :none
      lsp-keep-workspace-alive t
      lsp-enable-file-watchers nil)
(e2e-open "CHANGELOG.md")
(lsp-workspace-folders-add (e2e-fact 'directory))

(defun e2e-start ()
  "Start lsp-mode in the current buffer, and wait for the server."
  (lsp)
  (e2e-await "workspace"
    (let ((workspace (cabhfuil-lsp-mode--workspace)))
      (and workspace (eq (lsp--workspace-status workspace) 'initialized)))))

(e2e-check "start" "lsp-mode starts the server"
  (e2e-start))

(e2e-check "hover" "a hover on a SHA shows the commit and its lines"
  (e2e-go e2e-short)
  ;; The commits may still be being read, which the hover then says.
  (let ((shown (e2e-await "hover that names the line"
                 (let ((hover (e2e-hover)))
                   (and hover (string-search (e2e-fact 'upstream) hover) hover)))))
    (e2e-contains shown e2e-short)))

(e2e-check "hover" "a word that names no commit has no hover"
  (e2e-go "deadbeef1")
  (when (e2e-hover)
    (error "There is one: %s" (e2e-hover))))

(defun e2e-lens ()
  "The overlay of a lens that names the upstream line."
  (lsp-lens-refresh t)
  (cl-some (lambda (o)
             (let ((shown (overlay-get o 'lsp-lens)))
               (and shown
                    (string-search (e2e-fact 'upstream)
                                   (format "%s%s" (overlay-get o 'before-string)
                                           (overlay-get o 'after-string)))
                    o)))
           (overlays-in (point-min) (point-max))))

(e2e-check "lenses" "lenses are listed, resolved and drawn"
  (set-window-buffer (selected-window) (current-buffer))
  (lsp-lens-mode 1)
  (e2e-await "lens" (e2e-lens)))

(e2e-check "commit" "a lens that is run shows its commit"
  (save-current-buffer
    (let* ((document (list :textDocument (lsp--text-document-identifier)))
           (lens (elt (lsp-request "textDocument/codeLens" document) 0))
           (command (lsp-get (lsp-request "codeLens/resolve" lens) :command)))
      (lsp--execute-command command)
      (e2e-contains (buffer-string) "commit "))))

(e2e-xref-checks 'xref-lsp)

(let ((workspace (cabhfuil-lsp-mode--workspace)))
  (e2e-open ".git/COMMIT_EDITMSG")
  (e2e-check "diagnostics" "a message that names no commit is marked"
    (e2e-start)
    (e2e-await "diagnostic"
      (cl-some (lambda (d) (string-search "deadbeefdead" (lsp-get d :message)))
               (gethash (lsp--fix-path-casing buffer-file-name) (lsp-diagnostics t)))))

  (e2e-check "completion" "Fixes: completes words of a subject"
    (lsp-completion-mode 1)
    (e2e-completes))

  (e2e-check "start" "the server ends when it is told to"
    (setq lsp-restart 'ignore)
    (with-lsp-workspace workspace (lsp-workspace-shutdown workspace))
    (e2e-await "end"
      (not (process-live-p (lsp--workspace-proc workspace))))))

(set-buffer-modified-p nil)
(e2e-finish)
;;; emacs-lsp-mode.el ends here
