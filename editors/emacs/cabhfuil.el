;;; cabhfuil.el --- Which release lines is this commit in?  -*- lexical-binding: t -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1"))
;; Keywords: vc, tools

;;; Commentary:

;; Commit buffers, a search and the list of what a release line lacks, for both
;; clients of language servers: `cabhfuil-eglot' and `cabhfuil-lsp-mode' register
;; the server with theirs, and each requires this file.
;;
;; What is found are xref items, so that \\[next-error] and the *xref* buffer's
;; keys go through commits as they go through definitions.

;;; Code:

(require 'cl-lib)
(require 'diff-mode)
(require 'thingatpt)
(require 'url-util)
(require 'xref)

(defgroup cabhfuil nil "Which release lines is this commit in?" :group 'tools)

(defcustom cabhfuil-server "cabhfuil-lsp"
  "The server's program."
  :type 'string)

(defcustom cabhfuil-search-limit 100
  "How many commits a search lists at most."
  :type 'natnum)

(defvar cabhfuil-server-functions nil
  "How to ask a server, for each client of language servers.
Each function returns nil where it has no server for the current buffer, and
otherwise a function of a command, such as \"cabhfuil.commit\", and of its
argument as a plist, which returns the command's result as plists and vectors.")

(defvar-local cabhfuil--ask nil
  "How a buffer that was made from another one asks the server.")

(defun cabhfuil--asker ()
  "How the current buffer asks the server."
  (or cabhfuil--ask
      (run-hook-with-args-until-success 'cabhfuil-server-functions)
      (user-error "No server here: M-x eglot or M-x lsp")))

(defun cabhfuil--uri ()
  "The address of the current buffer's file, or nil."
  (and buffer-file-name
       (concat "file://" (url-hexify-string (expand-file-name buffer-file-name)
                                            url-path-allowed-chars))))

(defun cabhfuil--about-here (argument)
  "ARGUMENT, with the current buffer's file where there is one."
  (let ((uri (cabhfuil--uri)))
    (if uri `(:uri ,uri ,@argument) argument)))

(defun cabhfuil--sha-at-point ()
  "The SHA at point, or nil."
  (and (thing-at-point-looking-at "\\b[[:xdigit:]]\\{7,64\\}\\b" 70)
       (match-string-no-properties 0)))

;;;; Commit buffers

(defvar cabhfuil-commit-mode-map (make-sparse-keymap))

(define-derived-mode cabhfuil-commit-mode diff-mode "Commit"
  "A commit with its release lines.  \\[xref-find-definitions] opens the one at point."
  (setq-local diff-refine nil)
  (setq buffer-read-only t)
  (add-hook 'xref-backend-functions (lambda () 'cabhfuil) nil t))

(defun cabhfuil--commit-buffer (sha repository ask)
  "The buffer of commit SHA of REPOSITORY, nil for whichever has it, by ASK."
  (let* ((commit (funcall ask "cabhfuil.commit"
                          (if repository
                              `(:sha ,sha :repository ,repository)
                            (cabhfuil--about-here `(:sha ,sha)))))
         (buffer (get-buffer-create (format "*commit %s*" (plist-get commit :sha)))))
    (with-current-buffer buffer
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert (plist-get commit :text)))
      (goto-char (point-min))
      (cabhfuil-commit-mode)
      (setq cabhfuil--ask ask))
    buffer))

;;;###autoload
(defun cabhfuil-show (sha)
  "Show the commit SHA, by default that at point, in a buffer of its own."
  (interactive (list (or (cabhfuil--sha-at-point) (read-string "SHA: "))))
  (pop-to-buffer (cabhfuil--commit-buffer sha nil (cabhfuil--asker))))

;;;; Commits as xref items

(cl-defstruct (cabhfuil-location (:constructor cabhfuil--location)) repository sha ask)

(cl-defmethod xref-location-marker ((l cabhfuil-location))
  (with-current-buffer (cabhfuil--commit-buffer (cabhfuil-location-sha l)
                                                (cabhfuil-location-repository l)
                                                (cabhfuil-location-ask l))
    (copy-marker (point-min))))

(cl-defmethod xref-location-group ((l cabhfuil-location))
  (or (cabhfuil-location-repository l) "commits"))

(defun cabhfuil--item (commit repository ask &optional reason)
  "The xref item of COMMIT of REPOSITORY, with the REASON why it is listed."
  (xref-make (concat (substring (plist-get commit :sha) 0 12)
                     "  " (substring (plist-get commit :date) 0 10)
                     "  " (plist-get commit :subject)
                     (and reason (format "  (%s)" reason)))
             (cabhfuil--location :repository repository
                                 :sha (plist-get commit :sha) :ask ask)))

(defun cabhfuil--list (fetch)
  "Show the xref items that FETCH returns; again when they are refreshed."
  (funcall xref-show-xrefs-function fetch
           `((window . ,(selected-window)) (display-action . nil)
             (auto-jump . nil))))

(defun cabhfuil--search (query ask)
  "The commits that QUERY finds, by ASK."
  (let ((found (funcall ask "cabhfuil.search" `(:query ,query :limit ,cabhfuil-search-limit))))
    (mapc (lambda (e) (message "%s: %s" (plist-get e :repository) (plist-get e :message)))
          (plist-get found :errors))
    (or (mapcar (lambda (hit) (cabhfuil--item hit (plist-get hit :repository) ask))
                (plist-get found :hits))
        (user-error "Nothing found for %s" query))))

;;;###autoload
(defun cabhfuil-search (query)
  "List the commits that QUERY finds in all repositories."
  (interactive "sSearch commits: ")
  (let ((ask (cabhfuil--asker)))
    (cabhfuil--list (lambda () (cabhfuil--search query ask)))))

;;;###autoload
(defun cabhfuil-missing (line &optional needed)
  "List what the release LINE lacks of the upstream line.
With a prefix argument, NEEDED, only what it needs."
  (interactive "sRelease line: \nP")
  (let ((ask (cabhfuil--asker))
        (argument (cabhfuil--about-here `(:from ,line ,@(and needed '(:needed t))))))
    (cabhfuil--list
     (lambda ()
       (let ((missing (funcall ask "cabhfuil.missing" argument)))
         (or (mapcar (lambda (change)
                       (cabhfuil--item change (plist-get missing :repository) ask
                                       (plist-get change :reason)))
                     (plist-get missing :changes))
             (user-error "%s lacks nothing" line)))))))

(cl-defmethod xref-backend-identifier-at-point ((_backend (eql cabhfuil)))
  (cabhfuil--sha-at-point))

(cl-defmethod xref-backend-identifier-completion-table ((_backend (eql cabhfuil)))
  nil)

(defun cabhfuil--matches (sha ask)
  "What is known of the commit SHA in each repository, by ASK."
  (plist-get (elt (funcall ask "cabhfuil.where" `(:keys [,sha])) 0) :matches))

(cl-defmethod xref-backend-definitions ((_backend (eql cabhfuil)) sha)
  (let ((ask (cabhfuil--asker)))
    (mapcar (lambda (match)
              (let ((commit (plist-get match :commit)))
                (xref-make (plist-get commit :subject)
                           (cabhfuil--location :repository (plist-get match :repository)
                                               :sha (plist-get commit :sha) :ask ask))))
            (cabhfuil--matches sha ask))))

(cl-defmethod xref-backend-references ((_backend (eql cabhfuil)) sha)
  (let ((ask (cabhfuil--asker)))
    (cl-mapcan
     (lambda (match)
       (mapcar (lambda (related)
                 (xref-make (format "%s: %s" (plist-get related :relation)
                                    (plist-get related :subject))
                            (cabhfuil--location :repository (plist-get match :repository)
                                                :sha (plist-get related :sha) :ask ask)))
               (plist-get match :related)))
     (append (cabhfuil--matches sha ask) nil))))

(cl-defmethod xref-backend-apropos ((_backend (eql cabhfuil)) query)
  (cabhfuil--search query (cabhfuil--asker)))

(provide 'cabhfuil)
;;; cabhfuil.el ends here
