/// What `disable_symlinks` says.
struct LinkSettings: Sendable {
    var links = LinkRule.Links.followed
    /// The part of paths that may have links all the same.
    var from: Template?

    /// The rule for a path: where it begins with what `from=` says, up to a slash, that part may have links. A path that is no more
    /// than that part may be one.
    func rule(for path: Buffer, scope: VariableScope) -> LinkRule {
        guard links != .followed, !path.isEmpty else { return LinkRule() }
        var rule = LinkRule(links: links)
        guard let from else { return rule }
        let prefix = Buffer(capacity: 256)
        from.append(to: prefix, scope: scope)
        let length = prefix.count
        guard length > 0, path.holds(prefix.span, at: 0) else { return rule }
        if length == path.count { return LinkRule() }
        if path[length] == ASCII.slash {
            rule.trusted = length
        } else if path[length - 1] == ASCII.slash {
            rule.trusted = length - 1
        }
        return rule
    }
}
