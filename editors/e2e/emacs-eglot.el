;;; emacs-eglot.el --- The scenario in Emacs with eglot  -*- lexical-binding: t -*-

;;; Code:

(load (expand-file-name "emacs.el" (file-name-directory load-file-name)) nil t)
(require 'cabhfuil-eglot)

(message "EDITOR Emacs %s, eglot %s" emacs-version
         (progn (require 'lisp-mnt) (require 'find-func)
                (lm-version (find-library-name "eglot"))))

(defun e2e-position ()
  "Point as a request's parameters; all lines here are ASCII."
  (list :textDocument (list :uri (cabhfuil--uri))
        :position (list :line (1- (line-number-at-pos)) :character (current-column))))

(defun e2e-request (method params)
  (jsonrpc-request (eglot-current-server) method params :timeout e2e-patience))

(defun e2e-hover ()
  (let ((hover (e2e-request :textDocument/hover (e2e-position))))
    (and hover (eglot--hover-info (plist-get hover :contents) (plist-get hover :range)))))

(setq cabhfuil-server (getenv "CABHFUIL_SERVER")
      eglot-sync-connect t
      eglot-connect-timeout e2e-patience
      eglot-autoshutdown nil)
(e2e-open "CHANGELOG.md")

(e2e-check "start" "eglot starts the server"
  (apply #'eglot--connect (eglot--guess-contact))
  (eglot--maybe-activate-editing-mode)
  (unless (eglot-current-server)
    (error "No server")))

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

(if (cl-some (lambda (f) (fboundp f)) '(eglot-codelens-mode eglot-code-lens-mode))
    (e2e-check "lenses" "eglot has lenses now: this scenario has to draw them"
      (error "Not written"))
  (e2e-lacks "lenses" "eglot draws no code lenses"))

(e2e-xref-checks 'eglot)

(let ((server (eglot-current-server)))
  (e2e-open ".git/COMMIT_EDITMSG")
  (e2e-check "diagnostics" "a message that names no commit is marked"
    (flymake-mode 1)
    (unless (eglot-current-server)
      (apply #'eglot--connect (eglot--guess-contact))
      (eglot--maybe-activate-editing-mode))
    (e2e-await "diagnostic"
      (flymake-start)
      (cl-some (lambda (d) (string-search "deadbeefdead" (flymake-diagnostic-text d)))
               (flymake-diagnostics))))

  (e2e-check "completion" "Fixes: completes words of a subject"
    (e2e-completes))

  (e2e-check "start" "the server ends when it is told to"
    (eglot-shutdown server nil 10)
    (when (jsonrpc-running-p server)
      (error "It still runs"))))

(set-buffer-modified-p nil)
(e2e-finish)
;;; emacs-eglot.el ends here
