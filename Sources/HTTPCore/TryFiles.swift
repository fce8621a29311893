/// `try_files`: the names that are looked for one after the other, and what is done when none is found.
final class TryFiles {
    struct Name {
        let name: Template
        /// A folder is looked for: the name ends with a slash, which is not a part of `name`.
        let isFolder: Bool
    }

    enum Otherwise {
        case status(Status)
        /// An internal redirect to a path with arguments, or a location `@name`.
        case redirect(Template)
    }

    let names: [Name]
    let otherwise: Otherwise

    init(names: [Name], otherwise: Otherwise) {
        self.names = names
        self.otherwise = otherwise
    }
}
