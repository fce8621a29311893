/// Whether a call that is made before anybody has said that it will succeed is worth it, judged by how the last ones went: an attempt
/// costs about half of what it saves when it succeeds.
final class Odds {
    /// The share that succeeded, of 1,024, the latest attempts weighing most.
    private var share = 0
    private var passedOver = 0

    private static let threshold = 400
    /// Every so often one is made however bad the odds are, to notice that they have changed.
    private static let probe = 16

    func areGood() -> Bool {
        if share >= Self.threshold { return true }
        passedOver += 1
        guard passedOver >= Self.probe else { return false }
        passedOver = 0
        return true
    }

    func note(_ hasSucceeded: Bool) {
        share += ((hasSucceeded ? 1_024 : 0) - share) / 4
    }
}
