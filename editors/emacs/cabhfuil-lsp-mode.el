;;; cabhfuil-lsp-mode.el --- Cá Bhfuil with lsp-mode  -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "28.1") (lsp-mode "8.0.0"))

;;; Commentary:

;; lsp-mode takes it for an add-on, so it stands beside the server of a language
;; and serves every file of a git repository.

;;; Code:

(require 'cabhfuil)
(require 'lsp-mode)

;; lsp-mode warns of modes whose language it does not know.
(dolist (language '((change-log-mode . "changelog") (diff-mode . "diff")
                    (git-commit-mode . "git-commit") (git-rebase-mode . "git-rebase")))
  (add-to-list 'lsp-language-id-configuration language t))

(defun cabhfuil-lsp-mode--plist (value)
  "VALUE of lsp-mode as plists and vectors."
  (cond ((hash-table-p value)
         (let (plist)
           (maphash (lambda (key v)
                      (push (cabhfuil-lsp-mode--plist v) plist)
                      (push (intern (concat ":" key)) plist))
                    value)
           plist))
        ;; The outermost list of an answer is one since lsp-mode 9.
        ((or (vectorp value) (and (consp value) (not (keywordp (car value)))))
         (cl-map 'vector #'cabhfuil-lsp-mode--plist value))
        (t value)))

(defun cabhfuil-lsp-mode--workspace ()
  "Our workspace of the current buffer, or nil."
  (cl-find 'cabhfuil (and (bound-and-true-p lsp-mode) (lsp-workspaces))
           :key (lambda (w) (lsp--client-server-id (lsp--workspace-client w)))))

(defun cabhfuil-lsp-mode--server ()
  "How to ask the server of the current buffer, or nil."
  (let ((workspace (cabhfuil-lsp-mode--workspace)))
    (and workspace
         (lambda (command argument)
           (cabhfuil-lsp-mode--plist
            (with-lsp-workspace workspace
              (lsp-request "workspace/executeCommand"
                           `(:command ,command :arguments [,argument]))))))))

(add-hook 'cabhfuil-server-functions #'cabhfuil-lsp-mode--server)

(defun cabhfuil-lsp-mode--run-lens (lens)
  "Show the commit of LENS in a commit buffer."
  (let* ((argument (elt (plist-get (cabhfuil-lsp-mode--plist lens) :arguments) 0))
         (keys (plist-get argument :keys)))
    (when (> (length keys) 0)
      (cabhfuil-show (elt keys 0)))))

(lsp-register-client
 (make-lsp-client
  :new-connection (lsp-stdio-connection (lambda () (list cabhfuil-server "--stdio")))
  :activation-fn (lambda (file _mode) (and file (locate-dominating-file file ".git") t))
  :action-handlers (lsp-ht ("cabhfuil.show" #'cabhfuil-lsp-mode--run-lens))
  :add-on? t
  :priority -1
  :server-id 'cabhfuil))

(provide 'cabhfuil-lsp-mode)
;;; cabhfuil-lsp-mode.el ends here
