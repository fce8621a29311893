package import Bytes
package import HTTPMessage

/// Makes an encoded path into the one that locations are matched with.
package struct URINormaliser {
    /// Where the parts of the target are, after `normalise`.
    package struct Result: Equatable, Sendable {
        /// The extension within the output: after the last dot of the last segment.
        package var pathExtension = ByteRange.none
        /// The arguments within the input.
        package var arguments = ByteRange.none
        package var hasArguments = false
        package var hasPlus = false
    }
    /// Appends the path of `target`, decoded, without `.` and `..` segments and, if asked, without doubled slashes.
    /// False: refuse the request with 400.
    package static func normalise(
        _ target: Span<UInt8>, mergeSlashes: Bool, isPathEmpty: Bool = false,
        into output: Buffer, _ result: inout Result
    ) -> Bool { false }
}
