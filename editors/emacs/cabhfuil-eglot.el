;;; cabhfuil-eglot.el --- Cá Bhfuil with eglot  -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "28.1") (eglot "1.9"))

;;; Commentary:

;; eglot has one server a buffer, and so this serves texts that have none of
;; their own: changelogs, notes, patches, commit messages.

;;; Code:

(require 'cabhfuil)
(require 'eglot)

(defun cabhfuil-eglot-contact (&rest _)
  "How eglot starts the server."
  (list cabhfuil-server "--stdio"))

(add-to-list 'eglot-server-programs
             '((text-mode markdown-mode change-log-mode diff-mode git-commit-mode)
               . cabhfuil-eglot-contact))

(defun cabhfuil-eglot--server ()
  "How to ask the server of the current buffer, or nil."
  (let ((server (eglot-current-server)))
    (and server
         (lambda (command argument)
           (jsonrpc-request server :workspace/executeCommand
                            `(:command ,command :arguments [,argument]))))))

(add-hook 'cabhfuil-server-functions #'cabhfuil-eglot--server)

(provide 'cabhfuil-eglot)
;;; cabhfuil-eglot.el ends here
