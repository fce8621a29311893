/// The file whose whole content, as it is, makes the body that is about to be sent.
enum ContentSource {
    case hot(HotFile)
    case open(OpenFile)

    var status: FileStatus {
        switch self {
        case .hot(let file): file.status
        case .open(let file): file.status
        }
    }

    /// Whether a later change of the file will show in its times, so that what is made of its content may be kept with them.
    ///
    /// - Parameter now: milliseconds since the epoch, not later than what is not in memory yet will be read.
    func isSettled(at now: Int) -> Bool {
        switch self {
        case .hot(let file): file.isSettled
        case .open(let file): HotFiles.isSettled(file.status, at: now)
        }
    }
}

/// What a content became in a filter, kept to be sent instead of doing the same again.
final class KeptContent {
    /// The content that it was made of, as it was then.
    let status: FileStatus
    /// The module that made it.
    let maker: SettingsIndex
    let bytes: Buffer
    /// The size before by the size after, in hundredths.
    let ratio: Int

    init(of status: FileStatus, by maker: SettingsIndex, bytes: Buffer, ratio: Int) {
        self.status = status
        self.maker = maker
        self.bytes = bytes
        self.ratio = ratio
    }
}
