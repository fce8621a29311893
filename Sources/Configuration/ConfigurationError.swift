/// A mistake in the configuration, in nginx's words, with advice of our own.
struct ConfigurationError: Error, Sendable {
    /// nginx's levels that configuration messages have.
    enum Level: String, Sendable {
        case emerg, crit, warn, notice
    }

    /// nginx's message, without level and place.
    var message: String
    /// The place that nginx reports. Errors of deeper layers have none; the evaluator fills in their directive's.
    var position: Position?
    /// The word that the mistake is about, if it is narrower.
    var focus: Position?
    /// How to put it right, one or more lines.
    var advice: String?
    var level: Level
    /// Whether the message stands without a place, as for a main file that cannot be opened.
    var isPlaceless = false

    init(
        _ message: String, position: Position? = nil, focus: Position? = nil,
        advice: String? = nil, level: Level = .emerg
    ) {
        self.message = message
        self.position = position
        self.focus = focus
        self.advice = advice
        self.level = level
    }

    /// The error with a place, if it has none yet.
    func placed(at position: Position) -> ConfigurationError {
        guard self.position == nil, !isPlaceless else { return self }
        var error = self
        error.position = position
        return error
    }
}
