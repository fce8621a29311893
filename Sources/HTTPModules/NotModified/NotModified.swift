/// What a header filter says.
enum FilterVerdict {
    /// The head goes on to the next filter.
    case pass
    /// Another answer was made in its place, and is under way.
    case replaced
}
