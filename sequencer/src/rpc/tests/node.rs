use super::*;
use fairlane_proto::v1::admin_service_client::AdminServiceClient;
use fairlane_proto::v1::{CreateSnapshotRequest, ListPeersRequest, SetLogFilterRequest};
use fairlane_types::Height;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

async fn health(node: &Node, service: &str) -> ServingStatus {
    let mut client = HealthClient::new(node.channel().await);
    let request = HealthCheckRequest { service: service.to_owned() };
    client.check(request).await.unwrap().into_inner().status()
}

async fn until_health(node: &Node, service: &str, wanted: ServingStatus) {
    let started = std::time::Instant::now();
    while health(node, service).await != wanted {
        assert!(started.elapsed() < DEADLINE, "{service} is not {wanted:?} in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_follows_the_chain_and_the_lane() {
    let node = Setup { takes_transactions: true, ..Setup::default() }.start().await;
    for service in ["", "fairlane.v1.BatchService", "fairlane.v1.SubmitService"] {
        until_health(&node, service, ServingStatus::Serving).await;
    }
    node.engine.send_modify(|status| status.best_peer_height = Height::new(100));
    for service in ["", "fairlane.v1.BatchService", "fairlane.v1.ChainService", "fairlane.v1.SubmitService"] {
        until_health(&node, service, ServingStatus::NotServing).await;
    }
    node.engine.send_modify(|status| status.finalized = Height::new(95));
    until_health(&node, "fairlane.v1.SubmitService", ServingStatus::Serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_lane_serves_batches_and_takes_no_transactions() {
    let node = Setup::default().start().await;
    until_health(&node, "fairlane.v1.BatchService", ServingStatus::Serving).await;
    until_health(&node, "fairlane.v1.SubmitService", ServingStatus::NotServing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_services() {
    let node = Setup::default().start().await;
    let mut client = ServerReflectionClient::new(node.channel().await);
    let message_request = Some(MessageRequest::ListServices(String::new()));
    let request = ServerReflectionRequest { host: String::new(), message_request };
    let mut answers =
        client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("it lists services") };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"fairlane.v1.BatchService") && names.contains(&"fairlane.v1.SubmitService"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_has_a_listener_of_its_own() {
    let node = Setup::default().start().await;
    let connect = async |address: SocketAddr| {
        let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        AdminServiceClient::new(channel)
    };
    let mut admin = connect(node.admin).await;
    assert!(admin.list_peers(ListPeersRequest {}).await.unwrap().into_inner().peers.is_empty());
    let filter = SetLogFilterRequest { filter: "info".to_owned() };
    assert_eq!(reason(admin.set_log_filter(filter).await), Refusal::NotReady);
    assert_eq!(reason(admin.create_snapshot(CreateSnapshotRequest {}).await), Refusal::NotReady);
    let refused = connect(node.address).await.list_peers(ListPeersRequest {}).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unimplemented);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let open = RpcListeners::bind(any, SocketAddr::from(([0, 0, 0, 0], 0))).await;
    assert!(matches!(open, Err(RpcError::AdminNotLoopback(_))));
    let taken = RpcListeners::bind(node.address, any).await;
    assert!(matches!(taken, Err(RpcError::Listen { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_are_closed_and_places_come_back() {
    let limits = RpcLimits { max_connections: 8, ..RpcLimits::default() };
    let node = Setup { limits, ..Setup::default() }.start().await;
    // One address holds at most a quarter.
    let first = TcpStream::connect(node.address).await.unwrap();
    let _second = TcpStream::connect(node.address).await.unwrap();
    let mut third = TcpStream::connect(node.address).await.unwrap();
    let closed = tokio::time::timeout(DEADLINE, third.read(&mut [0; 16])).await.expect("closed in time");
    assert!(matches!(closed, Ok(0) | Err(_)));
    drop(first);
    let started = std::time::Instant::now();
    while !is_served(node.address).await {
        assert!(started.elapsed() < DEADLINE, "no place came back");
    }
}

async fn is_served(address: SocketAddr) -> bool {
    let Ok(channel) = Channel::from_shared(format!("http://{address}")).unwrap().connect().await else {
        return false;
    };
    let request = HealthCheckRequest { service: String::new() };
    HealthClient::new(channel).check(request).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_port_harms_nobody() {
    use tokio::io::AsyncWriteExt as _;
    let node = Setup::default().start().await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 4096], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage"]
    {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        // It may be closed before all is written.
        let _ = stream.write_all(garbage).await;
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest)).await.expect("closed in time");
    }
    assert!(is_served(node.address).await);
}
