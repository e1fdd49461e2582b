;;; emacs.el --- The checks of emacs.sh  -*- lexical-binding: t -*-

;;; Code:

;; --batch reads no start-up file, which is where packages come onto the path.
(require 'package)
(package-initialize)
(require 'cabhfuil)
(require 'cl-lib)
(require 'xref)

(defvar e2e-facts
  (with-temp-buffer
    (insert-file-contents (getenv "CABHFUIL_FACTS"))
    (mapcar (lambda (line)
              (string-match "\\`\\([a-z]+\\)=\\(.*\\)\\'" line)
              (cons (intern (match-string 1 line)) (match-string 2 line)))
            (split-string (buffer-string) "\n" t))))
(defun e2e-fact (name) (alist-get name e2e-facts))
(defvar e2e-short (substring (e2e-fact 'sha) 0 12))

(defvar e2e-patience 120 "Seconds; a large repository has to be read first.")
(defvar e2e-passed 0)
(defvar e2e-failed 0)

(defmacro e2e-check (name &rest body)
  "Run BODY as the check NAME; later checks run all the same."
  (declare (indent 1))
  `(condition-case why
       (progn ,@body
              (cl-incf e2e-passed)
              (message "PASS %s" ,name))
     (error (cl-incf e2e-failed)
            (message "FAIL %s: %s" ,name (error-message-string why)))))

(defmacro e2e-await (what &rest probe)
  "Wait until PROBE returns something, and return that; WHAT names it."
  (declare (indent 1))
  `(let ((end (+ (float-time) e2e-patience)) found)
     (while (not (setq found (progn ,@probe)))
       (when (> (float-time) end)
         (error "No %s" ,what))
       (accept-process-output nil 0.05))
     found))

(defun e2e-request (method params)
  (jsonrpc-request (eglot--current-server-or-lose) method params :timeout e2e-patience))

(defun e2e-go (text)
  "Go into the first place of TEXT."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (1+ (match-beginning 0))))

(defun e2e-contains (text expected)
  (unless (string-search expected text)
    (error "No %S in: %s" expected text)))

(defun e2e-hover ()
  (let ((hover (e2e-request :textDocument/hover (eglot--TextDocumentPositionParams))))
    (and hover (eglot--hover-info (plist-get hover :contents) (plist-get hover :range)))))

(setq cabhfuil-server (getenv "CABHFUIL_SERVER")
      eglot-sync-connect t
      eglot-connect-timeout e2e-patience
      eglot-autoshutdown nil)
(find-file (expand-file-name "CHANGELOG.md" (e2e-fact 'directory)))
(text-mode) ; Debian's Emacs has no markdown-mode

(e2e-check "eglot starts the server"
  (apply #'eglot--connect (eglot--guess-contact))
  (eglot--maybe-activate-editing-mode)
  (eglot--current-server-or-lose))

(e2e-check "a hover on a SHA shows the commit and its lines"
  (e2e-go e2e-short)
  ;; The commits may still be being read, which the hover then says.
  (let ((shown (e2e-await "hover that names the line"
                 (let ((hover (e2e-hover)))
                   (and hover (string-search (e2e-fact 'upstream) hover) hover)))))
    (e2e-contains shown e2e-short)))

(e2e-check "a word that names no commit has no hover"
  (e2e-go "deadbeef1")
  (when (e2e-hover)
    (error "There is one: %s" (e2e-hover))))

(e2e-check "lenses are listed and resolved"
  (e2e-go e2e-short)
  (let* ((line (1- (line-number-at-pos)))
         (params (list :textDocument (eglot--TextDocumentIdentifier)))
         (lens (cl-find line (e2e-request :textDocument/codeLens params)
                        :key (lambda (l) (plist-get (plist-get (plist-get l :range) :start) :line)))))
    (unless lens
      (error "No lens on line %d" line))
    (let ((command (plist-get (e2e-request :codeLens/resolve lens) :command)))
      (e2e-contains (plist-get command :title) (e2e-fact 'upstream)))))

(e2e-check "xref-find-apropos finds the commit"
  ;; Words are indexed after the graph is ready.
  (e2e-await (concat "symbol " e2e-short)
    (cl-some (lambda (item) (string-search e2e-short (xref-item-summary item)))
             (xref-backend-apropos 'eglot (e2e-fact 'subject)))))

(e2e-check "M-. opens the commit"
  (e2e-go e2e-short)
  (save-current-buffer
    (xref-find-definitions (xref-backend-identifier-at-point 'eglot))
    (e2e-contains (buffer-string) (concat "commit " (e2e-fact 'sha)))))

(e2e-check "cabhfuil-show shows the commit"
  (e2e-go e2e-short)
  (save-current-buffer
    (call-interactively #'cabhfuil-show)
    (e2e-contains (buffer-name) (e2e-fact 'sha))
    (e2e-contains (buffer-string) (concat "commit " (e2e-fact 'sha)))))

(e2e-check "the server ends when it is told to"
  (let ((server (eglot--current-server-or-lose)))
    (eglot-shutdown server nil 10)
    (when (jsonrpc-running-p server)
      (error "It still runs"))))

(message "%d passed, %d failed" e2e-passed e2e-failed)
(kill-emacs (if (= e2e-failed 0) 0 1))
;;; emacs.el ends here
