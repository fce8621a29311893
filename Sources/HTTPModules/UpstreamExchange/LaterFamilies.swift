/// Directives of families that are not there yet and that configurations have without using the family: packages write the
/// folders of temporary files of all families into the main file.
enum LaterFamilies {
    static var rows: [Row] {
        ["fastcgi", "uwsgi", "scgi"].map {
            .ignored(
                $0 + "_temp_path", in: .request, .between(1, 4),
                "The folder for files that hold answers.",
                reason: "no directive that would use the folder is supported yet",
                syntax: "path [level1 [level2 [level3]]]"
            ) { (invocation: inout Invocation) throws(ConfigurationError) in
                _ = try invocation.readTempPath()
            }
        }
    }
}
