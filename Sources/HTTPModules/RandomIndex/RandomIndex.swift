/// ngx_http_random_index_module: answers for a folder with one of its files, chosen at random.
enum RandomIndex {
    static let slot = Slot(.randomIndex, initial: RandomIndexSettings())

    static var rows: [Row] {
        [
            .flag(
                "random_index", in: .location, slot, \.isOn,
                "Whether a folder is answered with a file of it that is chosen at random.")
        ]
    }

    static func isUsed(_ settings: SettingsTable) -> Bool { settings.box(slot).value.isOn }

    static func handle(_ request: Request) -> Verdict {
        let path = request.routing.path
        guard !path.isEmpty, path[path.count - 1] == ASCII.slash,
            request.method == .get || request.method == .head || request.method == .post
        else { return .decline }
        let listing = FolderListing(request)
        if case .failed(let status) = listing.open(statuses: true) { return .answer(status) }
        let files = listing.entries.filter(\.status.isRegular)
        guard let chosen = files.randomElement() else { return .decline }
        path.append(chosen.name)
        request.engine.redirect(request)
        return .done
    }
}

/// What the directive of random files sets.
struct RandomIndexSettings: Sendable {
    var isOn = false
}
