package config

import (
	"time"

	"github.com/cabhfuil/cabhfuil-lsp/index/lineage/dialect"
)

// The structs of this file are the schema: they are what the files decode into,
// and their tags are all that validation, the JSON Schema and the documentation
// know of a field.
//
//	yaml     its key
//	doc      what it says, for people; "-" keeps a field out of the documentation
//	is       the form of its text, or of each of its texts (forms.go)
//	default  its value where the file has none
//	min max  its bounds
//	need     "yes" where it must be there
//	unused   why it has no effect
//
// A type with a method Values is one of these words.

// reposFile is repos.yaml.
type reposFile struct {
	Version  string       `yaml:"version" is:"version" default:"1.0" doc:"of the schema"`
	Repos    []Repository `yaml:"repos" doc:"the repositories"`
	Settings Settings     `yaml:"settings" doc:"for all repositories"`
}

// Repository is an entry of repos.yaml: a repository in place where it has a
// Path, else one to clone from Source.
type Repository struct {
	Name     string   `yaml:"name" is:"name" doc:"what it is called; may be left out where there is a path, and is the directory's name then"`
	Source   Source   `yaml:"source" doc:"where it is cloned from"`
	Path     string   `yaml:"path" is:"path" doc:"a repository in place; it is never fetched, pruned or written to"`
	Remotes  []Remote `yaml:"remotes" doc:"more remotes to fetch"`
	Branches Branches `yaml:"branches" doc:"which branches count"`
	Sync     Sync     `yaml:"sync" doc:"when it is fetched"`
	Storage  Storage  `yaml:"storage" doc:"how its clone is kept"`
	AuthKey  string   `yaml:"auth_key" doc:"the method of auth.yaml that it is fetched with"`
}

// Source is where a repository comes from.
type Source struct {
	URL  string `yaml:"url" is:"url" doc:"its address"`
	Type string `yaml:"type" doc:"the kind of forge, such as github, gitlab, gerrit or generic: whose default of auth.yaml counts"`
}

// Remote is one more remote of a clone.
type Remote struct {
	Name      string   `yaml:"name" is:"name" need:"yes" doc:"its name"`
	URL       string   `yaml:"url" is:"url" need:"yes" doc:"its address"`
	FetchRefs []string `yaml:"fetch_refs" is:"refspec" default:"refs/heads/*" doc:"what is fetched of it"`
}

// Branches say which branches count, and which of them are lines.
type Branches struct {
	Patterns        []string `yaml:"patterns" is:"glob" default:"*" doc:"which branches of a clone are kept at all"`
	ExcludePatterns []string `yaml:"exclude_patterns" is:"exclude" doc:"and which of these are not; each with or without a ! in front"`
	MaxBranches     int      `yaml:"max_branches" default:"100" min:"1" doc:"how many of them are kept of each remote: the newest"`
	ReleaseLines    []string `yaml:"release_lines" is:"glob" doc:"branches that users get releases from, instead of the default patterns; * also crosses /"`
	Upstream        string   `yaml:"upstream" is:"branch" doc:"the branch that fixes land on first, instead of finding it"`
}

// Sync says when a clone is fetched.
type Sync struct {
	Strategy     Strategy      `yaml:"strategy" default:"fetch_all" doc:"what is fetched"`
	Interval     time.Duration `yaml:"interval" min:"1m" doc:"how often; settings.default_sync_interval where there is none"`
	RecentDays   int           `yaml:"recent_days" default:"30" min:"1" max:"100000" doc:"with fetch_recent, branches whose last commit is older are not kept"`
	PruneDeleted bool          `yaml:"prune_deleted" default:"true" doc:"forget branches that are gone"`
}

// Strategy says what a fetch brings.
type Strategy string

// The strategies.
const (
	FetchAll    Strategy = "fetch_all"
	FetchRecent Strategy = "fetch_recent"
	FetchManual Strategy = "manual"
)

// Values are the strategies.
func (Strategy) Values() []string {
	return []string{string(FetchAll), string(FetchRecent), string(FetchManual)}
}

// Storage says how a clone is kept.
type Storage struct {
	Type          StorageType `yaml:"type" default:"bare" doc:"full is accepted, and clones are bare all the same: a checkout would run filters"`
	MaxSize       Size        `yaml:"max_size" doc:"how large it may grow: a clone that is larger is packed anew, told, and deleted once it rests for a day"`
	RetentionDays int         `yaml:"retention_days" default:"365" min:"1" max:"100000" doc:"how long a clone is kept that nobody uses"`
}

// StorageType says whether a clone has a work tree.
type StorageType string

// The types of storage.
const (
	Bare StorageType = "bare"
	Full StorageType = "full"
)

// Values are the types of storage.
func (StorageType) Values() []string { return []string{string(Bare), string(Full)} }

// Settings are for all clones.
type Settings struct {
	MaxTotalSize        Size          `yaml:"max_total_size" default:"50GB" doc:"of all clones"`
	DefaultSyncInterval time.Duration `yaml:"default_sync_interval" default:"6h" min:"1m" doc:"of repositories that name none"`
	CloneTimeout        time.Duration `yaml:"clone_timeout" min:"1s" doc:"after which an attempt to clone or fetch is given up; sync.default_timeout of global.yaml where there is none"`
	ParallelClones      int           `yaml:"parallel_clones" default:"3" min:"1" max:"64" doc:"how many at once, if max_parallel_jobs of global.yaml allows as many"`
}

// Global is global.yaml.
type Global struct {
	Version     string         `yaml:"version" is:"version" default:"1.0" doc:"of the schema"`
	Storage     GlobalStorage  `yaml:"storage" doc:"how much may be kept"`
	Sync        GlobalSync     `yaml:"sync" doc:"how the network is used"`
	Performance Performance    `yaml:"performance" doc:"ca-bhfuil's" unused:"accepted for ca-bhfuil's sake"`
	Features    Features       `yaml:"features" doc:"each can be off"`
	Dialects    []dialect.Spec `yaml:"dialects" doc:"how your community writes that a commit is a copy, a revert or a fix (see dialects.md)"`
	Forges      []Forge        `yaml:"forges" doc:"forges that are not built in, such as your own GitLab (see plugins.md)"`
	Trackers    []Tracker      `yaml:"trackers" doc:"trackers that are not built in, and whose bugs are whose (see plugins.md)"`
	Plugins     []Plugin       `yaml:"plugins" doc:"programs of others that link to forges, asked before the built-in ones (see plugins.md)"`
	Daemon      Daemon         `yaml:"daemon" doc:"the shared background process (see background.md)"`
	Limits      Limits         `yaml:"limits" doc:"what is used at most"`
	Telemetry   Telemetry      `yaml:"telemetry" doc:"spans for a collector of your own (see concurrency.md); off unless you name one"`
	Log         Log            `yaml:"log" doc:"what is written beside standard error, under the state directory; read at the start"`
}

// GlobalStorage bounds what is kept.
type GlobalStorage struct {
	MaxTotalSize     Size          `yaml:"max_total_size" default:"100GB" doc:"of clones, indexes, history and logs"`
	MaxCacheSize     Size          `yaml:"max_cache_size" default:"80GB" doc:"of clones and indexes"`
	MaxStateSize     Size          `yaml:"max_state_size" default:"20GB" doc:"of history and logs"`
	CleanupPolicy    CleanupPolicy `yaml:"cleanup_policy" default:"lru" doc:"what goes first: what was used longest ago, what was cloned first, or nothing by itself"`
	CleanupThreshold float64       `yaml:"cleanup_threshold" default:"0.9" min:"0.1" max:"1" doc:"the part of each bound at which cleaning up begins, and where it ends"`
}

// CleanupPolicy says what goes first.
type CleanupPolicy string

// The cleanup policies.
const (
	CleanupLRU    CleanupPolicy = "lru"
	CleanupFIFO   CleanupPolicy = "fifo"
	CleanupManual CleanupPolicy = "manual"
)

// Values are the cleanup policies.
func (CleanupPolicy) Values() []string {
	return []string{string(CleanupLRU), string(CleanupFIFO), string(CleanupManual)}
}

// GlobalSync is about work on the network.
type GlobalSync struct {
	MaxParallelJobs int           `yaml:"max_parallel_jobs" default:"3" min:"1" max:"64" doc:"repositories that are fetched at once, if parallel_clones of repos.yaml allows as many"`
	DefaultTimeout  time.Duration `yaml:"default_timeout" default:"30m" min:"1s" doc:"after which an attempt to clone or fetch is given up, unless settings.clone_timeout of repos.yaml says otherwise"`
	RetryAttempts   int           `yaml:"retry_attempts" default:"3" min:"0" max:"100" doc:"further attempts of an update while a remote does not answer"`
	RetryBackoff    Backoff       `yaml:"retry_backoff" default:"exponential" doc:"how the time between them grows from a second, up to a minute: it doubles, gets a second longer each time, or stays"`
}

// Backoff says how the time between attempts grows.
type Backoff string

// The backoffs.
const (
	BackoffExponential Backoff = "exponential"
	BackoffLinear      Backoff = "linear"
	BackoffConstant    Backoff = "constant"
)

// Values are the backoffs.
func (Backoff) Values() []string {
	return []string{string(BackoffExponential), string(BackoffLinear), string(BackoffConstant)}
}

// Performance holds what ca-bhfuil has and this program has no use for.
type Performance struct {
	GitCloneBare    bool `yaml:"git_clone_bare" default:"true" doc:"see storage.type of repos.yaml"`
	Pygit2CacheSize Size `yaml:"pygit2_cache_size" default:"100MB" doc:"of a library that is not used here"`
}

// Features can each be off.
type Features struct {
	BackgroundIndex bool `yaml:"background_index" default:"true" doc:"index words and paths before they are asked for"`
	Forges          bool `yaml:"forges" default:"true" doc:"link to forges and trackers, and ask them"`
	ForgesOnline    bool `yaml:"forges_online" default:"true" doc:"ask them over the network what issues, pull requests and changes say; links need no network"`
	CodeLens        bool `yaml:"code_lens" default:"true" doc:"lines above text that names commits, and above code"`
	Diagnostics     bool `yaml:"diagnostics" default:"true" doc:"what is wrong with names of commits in messages"`
}

// Forge is a place where a kind of forge runs.
type Forge struct {
	Type    ForgeType `yaml:"type" need:"yes" doc:"the kind of forge"`
	Host    string    `yaml:"host" is:"host" need:"yes" doc:"the host that remotes name"`
	URL     string    `yaml:"url" is:"web" doc:"its web address, where that is not https://HOST; with gerrit, the address of Gerrit"`
	AuthKey string    `yaml:"auth_key" doc:"the method of auth.yaml, of type token or credential_helper, that it is asked with"`
}

// ForgeType is a kind of forge.
type ForgeType string

// Values are the kinds of forges.
func (ForgeType) Values() []string {
	return []string{"github", "gitlab", "gitea", "gerrit", "bitbucket"}
}

// Tracker is a place where a kind of tracker runs.
type Tracker struct {
	Type     TrackerType `yaml:"type" need:"yes" doc:"the kind of tracker"`
	URL      string      `yaml:"url" is:"page" doc:"its web address; with template, the address of a bug, with {1} for the first group of key"`
	Projects []string    `yaml:"projects" is:"project" doc:"with jira, what stands in front of the numbers of its issues, such as PROJ; none here and in remotes is all that no other tracker has"`
	Remotes  []string    `yaml:"remotes" is:"place" doc:"in whose repositories bug 1, with jira any PROJ-1, is one of its bugs; with template, the only ones that it counts in; * for all"`
	Key      string      `yaml:"key" is:"key" doc:"with template, the regular expression (RE2) that the whole of a key matches, spelt ACME-1 or bug#1"`
	AuthKey  string      `yaml:"auth_key" doc:"the method of auth.yaml, of type token or credential_helper, that it is asked with"`
}

// TrackerType is a kind of tracker.
type TrackerType string

// The kinds of trackers that checks know.
const (
	TrackerJira      TrackerType = "jira"
	TrackerBugzilla  TrackerType = "bugzilla"
	TrackerLaunchpad TrackerType = "launchpad"
	TrackerTemplate  TrackerType = "template"
)

// Values are the kinds of trackers.
func (TrackerType) Values() []string {
	return []string{string(TrackerJira), string(TrackerBugzilla), string(TrackerLaunchpad), string(TrackerTemplate)}
}

// Plugin is a forge of the user's.
type Plugin struct {
	Name   string   `yaml:"name" is:"plugin" need:"yes" doc:"what it is called here; no built-in one's name"`
	Path   string   `yaml:"path" is:"path" need:"yes" doc:"the program"`
	SHA256 string   `yaml:"sha256" is:"sha256" need:"yes" doc:"the program's checksum; another program is not started"`
	Env    []string `yaml:"env" is:"env" doc:"names of the environment variables that it is given"`
}

// Daemon is about the shared background process.
type Daemon struct {
	IdleTimeout time.Duration `yaml:"idle_timeout" default:"2s" min:"0s" doc:"after which it ends when nobody is connected; 0s for never"`
}

// Limits are what is used at most.
type Limits struct {
	Memory      Size          `yaml:"memory" default:"400MiB" min:"64MiB" doc:"the soft limit of memory; GOMEMLIMIT counts before it"`
	TaskHistory int           `yaml:"task_history" default:"1000" min:"0" doc:"ended tasks that are remembered; 0 for none"`
	TaskAge     time.Duration `yaml:"task_age" default:"30d" min:"1m" doc:"how long they are"`
	ForgeBudget time.Duration `yaml:"forge_budget" default:"150ms" min:"0s" doc:"how long an answer waits for what forges say; what comes later is in the next one"`
}

// Telemetry is about OpenTelemetry.
type Telemetry struct {
	Endpoint string `yaml:"endpoint" is:"web" doc:"the OTLP collector's address, such as http://localhost:4318; OTEL_EXPORTER_OTLP_ENDPOINT counts before it"`
}

// Log is about the log file of a process that stays.
type Log struct {
	Level   LogLevel `yaml:"level" default:"info" doc:"the least that is written; -v counts before it"`
	MaxSize Size     `yaml:"max_size" default:"5MB" min:"1MB" doc:"at which the next file begins"`
	Files   int      `yaml:"files" default:"3" min:"1" max:"100" doc:"older files that are kept"`
}

// LogLevel is the least that a log holds.
type LogLevel string

// The levels.
const (
	LogDebug LogLevel = "debug"
	LogInfo  LogLevel = "info"
	LogWarn  LogLevel = "warn"
	LogError LogLevel = "error"
)

// Values are the levels.
func (LogLevel) Values() []string {
	return []string{string(LogDebug), string(LogInfo), string(LogWarn), string(LogError)}
}

// Auth is auth.yaml. It holds names of environment variables, files and
// helpers, and never a secret.
type Auth struct {
	Version     string                `yaml:"version" is:"version" default:"1.0" doc:"of the schema"`
	Defaults    map[string]AuthMethod `yaml:"defaults" doc:"by the kind of forge, such as github or gitlab; a token is for your own hosts of this kind that name none, and for github.com, gitlab.com or bitbucket.org"`
	AuthMethods map[string]AuthMethod `yaml:"auth_methods" doc:"by the name that auth_key says"`
}

// AuthMethod is a way to tell a remote who asks.
type AuthMethod struct {
	Type             AuthType `yaml:"type" default:"ssh_key" doc:"the way"`
	SSHKeyPath       string   `yaml:"ssh_key_path" is:"path" doc:"with ssh_key, the private key's file; ssh's own choice where there is none"`
	SSHPassphraseEnv string   `yaml:"ssh_key_passphrase_env" is:"env" doc:"the environment variable that holds its passphrase, for OpenSSH 8.4 or later; ssh's agent where there is none"`
	TokenEnv         string   `yaml:"token_env" is:"env" doc:"with token, the environment variable that holds it"`
	UsernameEnv      string   `yaml:"username_env" is:"env" doc:"the environment variable that holds the user's name"`
	CredentialHelper string   `yaml:"credential_helper" is:"helper" doc:"with credential_helper, git's helper, such as store, libsecret or a path"`
}

// AuthType is the way of an AuthMethod.
type AuthType string

// The ways.
const (
	SSHKey           AuthType = "ssh_key"
	Token            AuthType = "token"
	CredentialHelper AuthType = "credential_helper"
)

// Values are the ways.
func (AuthType) Values() []string {
	return []string{string(SSHKey), string(Token), string(CredentialHelper)}
}
