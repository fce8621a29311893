/// Directives about the links that lead to files.
extension Core {
    private static let slot = CoreSettings.slot

    static var linkRows: [Row] {
        [
            .custom(
                "disable_symlinks", in: .request, .between(1, 2),
                "Whether symbolic links in the paths of files are refused, or those of other owners than what they lead to.",
                mayRepeat: false, syntax: "off | on | if_not_owner [from=part]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                let links = try readLinks(invocation)
                invocation.write(slot) { $0.links = links }
            }
        ]
    }

    private static func readLinks(_ invocation: Invocation) throws(ConfigurationError) -> LinkSettings {
        var links: LinkRule.Links?
        var from: Template?
        for word in invocation.arguments {
            switch word.value {
            case "off": links = .followed
            case "on": links = .refused
            case "if_not_owner": links = .ofOneOwner
            default:
                guard let text = word.value.value(of: "from=") else { throw invocation.invalidParameter(word) }
                from = try Template(compiling: text, registry: try invocation.http().registry, at: word.position)
            }
        }
        guard let links else {
            throw invocation.fail("\"\(invocation.name)\" must have \"off\", \"on\" or \"if_not_owner\" parameter")
        }
        guard invocation.arguments.count == 2 else { return LinkSettings(links: links) }
        if from == nil {
            throw invocation.fail(
                "duplicate parameters \"\(invocation[0]) \(invocation[1])\"", at: invocation.arguments[1])
        }
        if links == .followed {
            throw invocation.fail("\"from=\" cannot be used with \"off\" parameter", at: invocation.arguments[1])
        }
        return LinkSettings(links: links, from: from)
    }
}
