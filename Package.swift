// swift-tools-version: 6.2
import PackageDescription

/// Every Swift target is held to the same rules; see CONTRIBUTING.md.
let rules: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Spans returned from properties and methods; the language has no stable spelling for it yet.
    .enableExperimentalFeature("Lifetimes"),
    // The C library's types are to look the same through every module; some have more members with this.
    .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
]

/// The layers, the lowest first: a file mentions only what its own layer and those before it declare. They are folders of one
/// module, since the compiler removes run-time checks and reference counting only where it sees all of the code: with a module
/// a layer a small static request cost 9 % more (ARCHITECTURE.md, "Decisions"). Tests/Tidy holds the order.
let layers = [
    "Platform", "Bytes", "SharedZone", "EventLoop", "Configuration", "Expression", "Log", "Net", "TLS",
    "HTTPMessage", "HTTP1", "HTTP2", "Upstream", "HTTPCore", "HTTPModules", "HTTPServer", "Supervisor", "Site",
    "FuzzTargets",
]

/// The tests of a layer; they see what is internal.
func tests(of layer: String, on support: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: layer + "Tests", dependencies: ["ApusServer", "CLinux"] + support, swiftSettings: rules)
}

/// Whether low levels of gzip are ISA-L's. It is made for these processors; elsewhere, or with APUS_WITHOUT_ISAL set, zlib does
/// all of it. A build never asks what happens to be installed, so the same command gives the same server.
#if arch(x86_64) || arch(arm64)
    let usesISAL = Context.environment["APUS_WITHOUT_ISAL"] == nil
#else
    let usesISAL = false
#endif
let isal: [Target] =
    usesISAL ? [.systemLibrary(name: "CISAL", pkgConfig: "libisal", providers: [.apt(["libisal-dev"])])] : []
/// How often each branch is taken under load, as scripts/profile has counted it: release builds are laid out for it (ARCHITECTURE.md,
/// "Decisions"). What does not fit the code any more is left out by the compiler.
let profile: [SwiftSetting] =
    Context.environment["APUS_WITHOUT_PROFILE"] == nil
    ? [
        .unsafeFlags(
            [
                "-Xfrontend", "-ir-profile-use=\(Context.packageDirectory)/Profile/server.profdata",
                "-Xfrontend", "-function-sections",
            ],
            .when(configuration: .release))
    ] : []
/// Functions that are called often lie side by side, those of one load together (`Profile/functions.txt`, of the same counting): where
/// caches are cold, as in a handshake, what counts is how many lines and pages of code there are to fetch.
let order: [LinkerSetting] =
    Context.environment["APUS_WITHOUT_PROFILE"] == nil
    ? [
        .unsafeFlags(
            [
                "-use-ld=lld", "-Xlinker", "--no-warn-symbol-ordering",
                "-Xlinker", "--symbol-ordering-file=\(Context.packageDirectory)/Profile/functions.txt",
            ], .when(configuration: .release))
    ] : []
let libraries = ["CLinux", "CUring", "CPCRE2", "CZlib", "CBrotli", "CZstd", "COpenSSL", "CNghttp2"]

let package = Package(
    name: "apus",
    targets: [
        .target(name: "CLinux", linkerSettings: [.linkedLibrary("crypt")]),
        // The archive, not the shared library: who does not say `use io_uring` needs nothing of it at run time.
        .target(name: "CUring", linkerSettings: [.linkedLibrary(":liburing.a")]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CBrotli", pkgConfig: "libbrotlienc", providers: [.apt(["libbrotli-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .target(
            name: "ApusServer", dependencies: (libraries + isal.map(\.name)).map { .byName(name: $0) }, path: "Sources",
            exclude: libraries + ["CISAL", "apus"], sources: layers,
            swiftSettings: rules + profile + (usesISAL ? [.define("ISAL")] : [])),
        .executableTarget(name: "apus", dependencies: ["ApusServer"], swiftSettings: rules, linkerSettings: order),
        tests(of: "Platform"),
        tests(of: "Bytes"),
        tests(of: "SharedZone"),
        tests(of: "Configuration"),
        tests(of: "Expression"),
        tests(of: "Log"),
        tests(of: "Net"),
        tests(of: "TLS", on: ["Simulation", "COpenSSL"]),
        tests(of: "HTTPMessage"),
        tests(of: "HTTP1"),
        tests(of: "HTTP2", on: ["CNghttp2"]),
        tests(of: "Upstream"),
        // What is compressed is decoded by others than those who made it.
        .systemLibrary(
            name: "CBrotliDecoder", path: "Tests/CBrotliDecoder", pkgConfig: "libbrotlidec", providers: [.apt(["libbrotli-dev"])]),
        tests(of: "HTTPModules", on: ["Simulation", "CBrotliDecoder", "CZstd"]),
        tests(of: "Supervisor"),
        tests(of: "FuzzTargets"),
        // A kernel within the process that tests run the server on. A test target, since it sees what is internal.
        .testTarget(
            name: "Simulation", dependencies: ["ApusServer", "CLinux", "COpenSSL"], swiftSettings: rules),
        tests(of: "EventLoop", on: ["Simulation"]),
        tests(of: "Site", on: ["Simulation"]),
    ] + isal
)
