import Testing

/// The whole server on a simulated kernel. One test at a time: a process has one server, and a few counters are the process's.
@Suite(.serialized)
enum SiteTests {}
