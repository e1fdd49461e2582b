package server

// ProcessEnds waits until a process has ended.
var ProcessEnds = processEnds
