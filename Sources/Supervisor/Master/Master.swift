/// The process that reads configurations, opens what needs privileges, and keeps workers running. It serves no client.
///
/// Its parts: `Master+Starting`, `Master+Loading` (configurations), `Master+Loop` (signals), `Master+Children`,
/// `Master+Upgrade` (a new binary), `Master+Commands` (`-t`, `-s`).
final class Master {
    let start: StartOptions
    let service: any Service
    let arguments: [String]
    /// The configuration in effect; nil until the first is loaded.
    var cycle: (any Cycle)?
    let sockets = ListenerSet()
    var children: [Child] = []
    /// What signals have asked for and has not been done yet.
    var wishes = MasterWishes()
    /// The process of the new binary, while it runs.
    var newBinary: Int32?
    /// Workers were told to stop accepting (WINCH), since another binary serves.
    var isNotAccepting = false
    /// The server runs in the background: it left the terminal, or an earlier binary did.
    var isDaemon = false
    /// This binary was started by a running one, whose sockets it took.
    var isSuccessor = false
    /// The process that started this one, before this one left it for the background. While it still is the parent, it is
    /// an older binary or a supervisor that knows this process's number: then the binary is not exchanged (USR2).
    var parent = Process.parent

    init(start: StartOptions, service: any Service, arguments: [String]) {
        self.start = start
        self.service = service
        self.arguments = arguments
    }

    /// The log of the cycle in effect, or the built-in one.
    var log: ErrorLog { start.log }
    var identity: Identity { start.identity }
    var core: ProcessSettings { cycle?.core ?? ProcessSettings() }
}

/// What signals have asked the master for.
struct MasterWishes {
    var terminate = false
    var quit = false
    var reload = false
    var reopen = false
    var upgrade = false
    var stopAccepting = false
    var restart = false
    var reap = false
}

/// A process that the master has started.
struct Child {
    enum Role: Equatable {
        case worker(Int)
        case attendant(Attendant)
        /// Another binary in the place of this one. It is not ours to end.
        case newBinary

        var title: String {
            switch self {
            case .worker: "worker process"
            case .attendant(let attendant): attendant.title
            case .newBinary: "new binary process"
            }
        }
    }

    var id: Int32
    let role: Role
    /// It is started again when it ends by itself.
    var respawns: Bool
    /// It was started by the reload under way, and so is not told to end with the old ones.
    var isNew: Bool
    /// It was told to end.
    var isExiting = false
    var hasEnded = false
}
