package server

// ProcessEnds waits until a process has ended.
var ProcessEnds = processEnds

// RefreshPatience is how long a client that asked for nothing is left to ask by itself.
const RefreshPatience = refreshPatience
