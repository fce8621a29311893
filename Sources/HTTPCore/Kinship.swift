/// What ties a request to its parent and its subrequests. A request that has neither has none.
final class Kinship {
    /// The main request and all that stem from it.
    let family: RequestFamily
    /// Nil for the main request.
    let parent: Request?
    let kind: SubrequestKind
    /// How many generations may follow.
    let generationsLeft: Int
    /// Told of the end of the subrequest's answer.
    var observer: SubrequestObserver?
    /// What has still to be sent behind what is being sent, in order; see `RequestFamily`.
    var postponed: [PostponedOutput] = []
    /// Bytes in `postponed`.
    var postponedBytes = 0
    /// The answer of a subrequest in memory.
    var memory: Buffer?
    /// What the engine has still to do for the request, in its next turn.
    var wishes: Wishes = []
    /// The answer has ended, though others may have to be sent before it.
    var hasEnded = false
    /// The end was told to the observer and the parent.
    var isEndTold = false
    /// All of its output was sent, or nobody is to get it.
    var isPassed = false
    /// Its filters were given something.
    var hasContent = false
    /// The code that the answer ended with, 0 for a whole answer.
    var endCode: UInt16 = 0

    struct Wishes: OptionSet, Sendable {
        let rawValue: UInt8
        /// To be routed: the subrequest was just made.
        static let start = Wishes(rawValue: 1)
        /// To go on with its filters, or with what makes its answer.
        static let turn = Wishes(rawValue: 2)
        /// Its end is to be told.
        static let end = Wishes(rawValue: 4)
    }

    init(
        family: RequestFamily, parent: Request?, kind: SubrequestKind, generationsLeft: Int,
        observer: SubrequestObserver?
    ) {
        self.family = family
        self.parent = parent
        self.kind = kind
        self.generationsLeft = generationsLeft
        self.observer = observer
    }
}

/// What becomes of a subrequest's answer.
enum SubrequestKind: Sendable {
    /// Its body is sent where its parent asked for it.
    case ordered
    /// Its body is kept, up to `subrequest_output_buffer_size`.
    case inMemory
    /// Nobody wants it, or waits for it: the next request of the connection waits.
    case background
}

/// Output that waits because something else has to be sent before it.
enum PostponedOutput {
    case pieces([Piece], isLast: Bool, flush: Bool)
    /// All of a subrequest's output.
    case request(Request)
}

/// Told when a subrequest's answer ends. Modules subclass it.
class SubrequestObserver {
    init() {}

    /// The answer is complete (code 0), or ends with a code before anything of it was sent. Returns the code to go on with: 0 takes
    /// the answer for complete as it is, another one makes the error page the answer. Called once for each of the two.
    func subrequestEnds(_ request: Request, code: UInt16) -> UInt16 { code }

    /// The answer ends and is empty: `request.outgoing` may be given something.
    func fillEmptyAnswer(_ request: Request) {}
}
