;;; cabhfuil.el --- Which release lines is this commit in?  -*- lexical-binding: t -*-

;;; Commentary:

;; Cá Bhfuil with eglot (1.9 and later; part of Emacs since 29).
;;
;; eglot has one server a buffer, and so this serves texts that have none of
;; their own: changelogs, notes, patches, commit messages.

;;; Code:

(require 'eglot)

(defgroup cabhfuil nil "Which release lines is this commit in?" :group 'tools)

(defcustom cabhfuil-server "cabhfuil-lsp"
  "The server's program."
  :type 'string)

(defun cabhfuil-contact (_interactive)
  "How eglot starts the server."
  (list cabhfuil-server "--stdio"))

(add-to-list 'eglot-server-programs
             '((text-mode markdown-mode change-log-mode diff-mode git-commit-mode)
               . cabhfuil-contact))

(defun cabhfuil-show (sha)
  "Show the commit SHA, by default that at point, in a buffer of its own."
  (interactive (list (or (thing-at-point-looking-at "\\b[[:xdigit:]]\\{7,64\\}\\b")
                         (user-error "No SHA at point"))))
  (let* ((sha (if (stringp sha) sha (match-string-no-properties 0)))
         (commit (jsonrpc-request
                  (or (eglot-current-server) (user-error "No server here: M-x eglot"))
                  :workspace/executeCommand
                  `(:command "cabhfuil.commit"
                    :arguments [(:sha ,sha :uri ,(eglot--path-to-uri buffer-file-name))])))
         (buffer (get-buffer-create (format "*commit %s*" (plist-get commit :sha)))))
    (with-current-buffer buffer
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert (plist-get commit :text)))
      (goto-char (point-min))
      (diff-mode)
      (view-mode))
    (pop-to-buffer buffer)))

(provide 'cabhfuil)
;;; cabhfuil.el ends here
