;;; emacs.el --- What the scenarios of both clients share  -*- lexical-binding: t -*-

;;; Code:

;; --batch reads no start-up file, which is where packages come onto the path.
(require 'package)
(package-initialize)
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

(defmacro e2e-check (feature name &rest body)
  "Run BODY as the check NAME of FEATURE; later checks run all the same."
  (declare (indent 2))
  `(condition-case why
       (progn ,@body
              (cl-incf e2e-passed)
              (message "PASS %s: %s" ,feature ,name))
     (error (cl-incf e2e-failed)
            (message "FAIL %s: %s: %s" ,feature ,name (error-message-string why)))))

(defun e2e-lacks (feature why)
  "Say that the client has no FEATURE, and WHY."
  (message "LACKS %s: %s" feature why))

(defmacro e2e-await (what &rest probe)
  "Wait until PROBE returns something, and return that; WHAT names it."
  (declare (indent 1))
  `(let ((end (+ (float-time) e2e-patience)) found)
     (while (not (setq found (progn ,@probe)))
       (when (> (float-time) end)
         (error "No %s" ,what))
       (accept-process-output nil 0.05))
     found))

(defun e2e-go (text)
  "Go into the first place of TEXT."
  (goto-char (point-min))
  (search-forward text)
  (goto-char (1+ (match-beginning 0))))

(defun e2e-contains (text expected)
  (unless (string-search expected text)
    (error "No %S in: %s" expected text)))

(defun e2e-open (file)
  "Visit FILE of the clone as text; Debian's Emacs may have no mode for it."
  (find-file (expand-file-name file (e2e-fact 'directory)))
  (text-mode))

(defun e2e-xref-checks (backend)
  "The checks by xref with BACKEND and by the package, in the changelog."
  (let ((changelog (current-buffer)))
    (e2e-check "symbols" "xref-find-apropos finds the commit"
      ;; Words are indexed after the graph is ready.
      (e2e-await (concat "symbol " e2e-short)
        (cl-some (lambda (item) (string-search e2e-short (xref-item-summary item)))
                 (xref-backend-apropos backend (e2e-fact 'subject)))))
    (e2e-check "definition" "M-. opens the commit"
      (e2e-go e2e-short)
      (save-current-buffer
        (xref-find-definitions (xref-backend-identifier-at-point backend))
        (e2e-contains (buffer-string) (concat "commit " (e2e-fact 'sha)))))
    (set-buffer changelog)
    (e2e-check "command" "cabhfuil.where answers"
      (e2e-contains (format "%S" (funcall (cabhfuil--asker) "cabhfuil.where"
                                          `(:keys [,(e2e-fact 'sha)])))
                    (e2e-fact 'subject)))
    (e2e-check "commit" "cabhfuil-show shows the commit"
      (e2e-go e2e-short)
      (save-current-buffer
        (call-interactively #'cabhfuil-show)
        (e2e-contains (buffer-name) (e2e-fact 'sha))
        (e2e-contains (buffer-string) (concat "commit " (e2e-fact 'sha)))))
    (e2e-check "commit" "M-. in a commit buffer opens the commit at point"
      (e2e-go e2e-short)
      (save-window-excursion
        (save-current-buffer
          (call-interactively #'cabhfuil-show)
          (goto-char (point-min))
          (search-forward (e2e-fact 'sha))
          (backward-char)
          (let ((this-command 'xref-find-definitions)) ; else it asks
            (call-interactively #'xref-find-definitions))
          (e2e-contains (buffer-name) (e2e-fact 'sha)))))
    (set-buffer changelog)
    (e2e-check "search" "cabhfuil-search lists the commit, which opens from there"
      (cabhfuil-search (concat "commit:" (e2e-fact 'sha)))
      (e2e-opens-from-list (e2e-fact 'sha)))
    (unless (equal (e2e-fact 'line) "")
      (set-buffer changelog)
      (e2e-check "missing" "cabhfuil-missing lists what the line lacks"
        (cabhfuil-missing (e2e-fact 'line))
        (e2e-opens-from-list (e2e-fact 'lacked))))
    (set-buffer changelog)))

(defun e2e-opens-from-list (sha)
  "Open the commit SHA from the *xref* buffer."
  (with-current-buffer xref-buffer-name
    (goto-char (point-min))
    (search-forward (substring sha 0 12))
    (let ((marker (xref-location-marker (xref-item-location (xref--item-at-point)))))
      (with-current-buffer (marker-buffer marker)
        (e2e-contains (buffer-string) (concat "commit " sha))))))

(defun e2e-completes ()
  "Whether completion at the end of a new Fixes: line offers the commit."
  (goto-char (point-min))
  (forward-line 3)
  (insert "Fixes: " (car (split-string (e2e-fact 'subject))) "\n")
  (backward-char)
  (let ((line (line-beginning-position)))
    (e2e-await "completion that inserts the commit"
      (delete-region (+ line 7) (line-end-position))
      (goto-char (line-end-position))
      (insert (car (split-string (e2e-fact 'subject))))
      (e2e-complete-first)
      (string-search e2e-short (buffer-substring line (line-end-position))))))

(defun e2e-complete-first ()
  "Take the first item that completion at point offers, as a user would."
  (let* ((capf (run-hook-wrapped 'completion-at-point-functions
                                 #'completion--capf-wrapper 'all)))
    (when (consp capf)
      (cl-destructuring-bind (_function beg end table . plist) capf
        (let* ((text (buffer-substring-no-properties beg end))
               ;; By the completion styles: clients let the server filter.
               (all (completion-all-completions text table (plist-get plist :predicate)
                                                (length text)))
               (item (car-safe all)))
          (when item
            (delete-region beg end)
            (goto-char beg)
            (insert item)
            (funcall (or (plist-get plist :exit-function) #'ignore) item 'finished)))))))

(defun e2e-finish ()
  (message "%d passed, %d failed" e2e-passed e2e-failed)
  (kill-emacs (if (= e2e-failed 0) 0 1)))

(provide 'emacs)
;;; emacs.el ends here
