/// What limits have said of a request, and what it holds of them. Kept over internal redirects: a request is counted once.
final class RequestAdmission {
    enum Outcome: UInt8 {
        /// No limit was asked yet.
        case none
        case passed, delayed, rejected, delayedDryRun, rejectedDryRun

        /// The text that `$limit_req_status` and `$limit_conn_status` show.
        var text: StaticString {
            switch self {
            case .none: ""
            case .passed: "PASSED"
            case .delayed: "DELAYED"
            case .rejected: "REJECTED"
            case .delayedDryRun: "DELAYED_DRY_RUN"
            case .rejectedDryRun: "REJECTED_DRY_RUN"
            }
        }
    }

    /// A place that is counted until the request is over.
    struct Place {
        let counts: ConnectionCounts
        let slot: TableSlot
    }

    var requests = Outcome.none
    var connections = Outcome.none
    private let places = List<Place>(capacity: 2)

    func hold(_ place: Place) { places.append(place) }

    /// Gives back all places.
    func releasePlaces() {
        guard !places.isEmpty else { return }
        let process = ThisProcess.id
        for index in places.indices {
            let place = places[index]
            place.counts.release(place.slot, process: process)
        }
        places.removeAll()
    }

    /// Forgets everything: another request begins.
    @inline(never)
    func reset() {
        releasePlaces()
        requests = .none
        connections = .none
    }
}
