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
    // The layers are separate modules: without this, nothing small is inlined across them.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

func layer(_ name: String, on dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: rules)
}

func tests(of name: String, with dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.init(stringLiteral: name)] + dependencies,
        swiftSettings: rules)
}

// The list is in the order of the layers: a target imports only what stands above it.
let package = Package(
    name: "apus",
    targets: [
        .target(name: "CLinux", linkerSettings: [.linkedLibrary("crypt")]),
        .systemLibrary(name: "CPCRE2", pkgConfig: "libpcre2-8", providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        layer("Platform", on: ["CLinux"]),
        layer("Bytes", on: ["CLinux", "Platform"]),
        layer("SharedZone", on: ["CLinux", "Platform", "Bytes"]),
        layer("EventLoop", on: ["CLinux", "Platform", "Bytes"]),
        layer("Configuration", on: ["Platform", "Bytes"]),
        layer("Expression", on: ["CPCRE2", "Bytes", "Configuration"]),
        layer("Log", on: ["CZlib", "Platform", "Bytes", "EventLoop", "Configuration", "Expression"]),
        layer(
            "Net",
            on: [
                "CLinux", "Platform", "Bytes", "EventLoop", "Configuration", "Expression", "Log",
            ]),
        layer("HTTPMessage", on: ["Bytes"]),
        layer("HTTP1", on: ["Bytes", "HTTPMessage"]),
        layer(
            "Upstream",
            on: [
                "Platform", "Bytes", "SharedZone", "EventLoop", "Configuration", "Expression", "Net",
            ]),
        layer(
            "HTTPCore",
            on: [
                "Platform", "Bytes", "SharedZone", "EventLoop", "Configuration", "Expression", "Log",
                "Net", "HTTPMessage", "HTTP1", "Upstream",
            ]),
        layer(
            "HTTPModules",
            on: [
                "CLinux", "CZlib", "Platform", "Bytes", "SharedZone", "EventLoop", "Configuration",
                "Expression", "Log", "Net", "HTTPMessage", "HTTP1", "Upstream", "HTTPCore",
            ]),
        layer(
            "HTTPServer",
            on: [
                "Platform", "Bytes", "SharedZone", "EventLoop", "Configuration", "Expression", "Log",
                "Net", "HTTPMessage", "HTTP1", "Upstream", "HTTPCore", "HTTPModules",
            ]),
        layer(
            "Supervisor",
            on: [
                "CLinux", "Platform", "Bytes", "SharedZone", "EventLoop", "Configuration", "Log", "Net",
            ]),
        // What the fuzzer and the corpus tests call; see scripts/fuzz.
        layer("FuzzTargets", on: ["Bytes", "HTTPMessage", "HTTP1"]),
        .executableTarget(
            name: "apus",
            dependencies: [
                "Platform", "Bytes", "EventLoop", "SharedZone", "Configuration", "Log", "Net",
                "HTTPCore", "HTTPModules", "HTTPServer", "Supervisor",
            ],
            swiftSettings: rules),
        tests(of: "Log", with: ["CLinux", "Platform", "Bytes", "EventLoop", "Configuration", "Expression"]),
        tests(of: "HTTPMessage", with: ["Bytes"]),
        tests(of: "HTTP1", with: ["Bytes", "HTTPMessage"]),
        tests(of: "HTTPModules", with: ["Bytes", "HTTPMessage", "HTTPCore"]),
        tests(of: "FuzzTargets"),
        tests(of: "Platform", with: ["CLinux"]),
        tests(of: "Net", with: ["Platform", "Bytes", "EventLoop", "Log"]),
        tests(of: "Supervisor", with: ["Platform", "Bytes", "Configuration", "Log"]),
        tests(of: "Configuration", with: ["Bytes", "Platform"]),
        tests(of: "SharedZone", with: ["CLinux", "Platform", "Bytes"]),
        tests(of: "Expression", with: ["Bytes", "Configuration", "Net"]),
        tests(of: "Upstream", with: ["Bytes", "SharedZone", "Configuration", "Expression", "Net"]),
    ]
)
