"""What a scanner finds of a server that is configured as Mozilla recommends for the public."""

import pytest
from sslyze import (
    CertificateInfoExtraArgument,
    ScanCommand,
    ScanCommandAttemptStatusEnum,
    ScanCommandsExtraArguments,
    Scanner,
    ServerNetworkConfiguration,
    ServerNetworkLocation,
    ServerScanRequest,
)
from sslyze.mozilla_tls_profile.tls_config_checker import (
    SCAN_COMMANDS_NEEDED_BY_MOZILLA_CHECKER,
    MozillaTlsConfiguration,
    ServerNotCompliantWithTlsConfiguration,
    TlsConfigurationEnum,
    check_server_against_tls_configuration,
)

from test_tls import authority, secure  # noqa: F401

INTERMEDIATE = """
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ecdh_curve X25519:prime256v1:secp384r1;
ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384\
:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384\
:DHE-RSA-CHACHA20-POLY1305;
ssl_prefer_server_ciphers off;
ssl_session_timeout 1d;
ssl_session_cache shared:MozSSL:1m;
ssl_session_tickets off;
ssl_dhparam %%CA%%/dhparam;
server {
    listen 127.0.0.1:%%PORT%% ssl;
    server_name localhost;
    ssl_certificate %%CA%%/localhost.crt;
    ssl_certificate_key %%CA%%/localhost.key;
    ssl_certificate %%CA%%/scanned-rsa.crt;
    ssl_certificate_key %%CA%%/scanned-rsa.key;
    add_header Strict-Transport-Security "max-age=63072000" always;
}
"""
FFDHE2048 = """-----BEGIN DH PARAMETERS-----
MIIBCAKCAQEA//////////+t+FRYortKmq/cViAnPTzx2LnFg84tNpWp4TZBFGQz
+8yTnc4kmz75fS/jY2MMddj2gbICrsRhetPfHtXV/WVhJDP1H18GbtCFY2VVPe0a
87VXE15/V8k1mE8McODmi3fipona8+/och3xWKE2rec1MKzKT0g6eXq8CrGCsyT7
YdEIqUuyyOP7uWrat2DX9GgdT0Kj3jlN9K5W7edjcrsZCwenyO4KbXCeAvzhzffi
7MA0BM0oNC9hkXL+nOmFg/+OTxIy7vKBg8P+OxtMb61zO7X8vC7CIAXFjvGDfRaD
ssbzSibBsu/6iGtCOGEoXJf//////////wIBAg==
-----END DH PARAMETERS-----
"""


@pytest.fixture(scope="module")
def scanned(authority):  # noqa: F811
    authority.sign("scanned-rsa", subject="localhost", kind="rsa", alternatives=["DNS:localhost"])
    (authority.folder / "dhparam").write_text(FFDHE2048)
    return authority


# Of the authorities that the scanner knows.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_scanner_finds_what_mozilla_recommends(secure, scanned):  # noqa: F811
    server = secure(INTERMEDIATE)
    extra = ScanCommandsExtraArguments(
        certificate_info=CertificateInfoExtraArgument(custom_ca_file=scanned.folder / "ca.crt"))
    scanner = Scanner(per_server_concurrent_connections_limit=2)
    scanner.queue_scans([ServerScanRequest(
        server_location=ServerNetworkLocation(hostname="localhost", ip_address="127.0.0.1", port=server.port),
        network_configuration=ServerNetworkConfiguration(tls_server_name_indication="localhost", network_timeout=20),
        scan_commands=SCAN_COMMANDS_NEEDED_BY_MOZILLA_CHECKER | {ScanCommand.SESSION_RESUMPTION, ScanCommand.TLS_1_3_EARLY_DATA},
        scan_commands_extra_arguments=extra)])
    [found] = list(scanner.get_results())
    assert found.scan_result, found.connectivity_error_trace
    for command in (ScanCommand.SESSION_RESUMPTION, ScanCommand.TLS_1_3_EARLY_DATA, *SCAN_COMMANDS_NEEDED_BY_MOZILLA_CHECKER):
        attempt = getattr(found.scan_result, command.value)
        assert attempt.status == ScanCommandAttemptStatusEnum.COMPLETED, (command, attempt.error_trace)
    try:
        check_server_against_tls_configuration(
            found, MozillaTlsConfiguration.get(TlsConfigurationEnum.MOZILLA_INTERMEDIATE))
    except ServerNotCompliantWithTlsConfiguration as complaint:
        # Nobody trusts an authority that was made a moment ago.
        assert set(complaint.issues) <= {"certificate_path_validation"}, complaint.issues
    result = found.scan_result
    assert len(result.certificate_info.result.certificate_deployments) == 2
    for scan, count in ((result.tls_1_2_cipher_suites, 9), (result.tls_1_3_cipher_suites, 3)):
        assert len(scan.result.accepted_cipher_suites) == count
    for scan in (result.ssl_2_0_cipher_suites, result.ssl_3_0_cipher_suites, result.tls_1_0_cipher_suites,
                 result.tls_1_1_cipher_suites):
        assert not scan.result.accepted_cipher_suites
    assert not result.session_renegotiation.result.is_vulnerable_to_client_renegotiation_dos
    assert result.session_resumption.result.session_id_resumption_result.name == "FULLY_SUPPORTED"
    assert result.session_resumption.result.tls_ticket_resumption_result.name == "NOT_SUPPORTED"
    assert not result.tls_1_3_early_data.result.supports_early_data
