//! The real ways to a queue: the one of this process, and a collector's over gRPC.

use bytes::Bytes;
use timberline_proto::wire::v1::{self, queue_server};
use timberline_queue::{Append, Appended, Queue, QueueOptions};
use tonic::{Request, Response, Status};

use super::*;
use crate::write::{FetchFrom, LocalSource, RemoteSource, SourceError};

fn append(queue: &Queue, lines: &[(i64, String)]) {
    let batch = queue::encode(lines);
    let appended = queue.append(
        queue::TOPIC,
        Append {
            batch,
            origin: None,
            key: Bytes::from_static(b"one key, one partition"),
        },
    );
    assert!(matches!(appended, Ok(Appended::At { .. })), "{appended:?}");
}

#[test]
fn records_of_the_queue_in_this_process_are_found_published_and_told_to_it() {
    let bench = Bench::new(0);
    let queue_dir = bench.dir.path().join("queue");
    let queue = Queue::open(&queue_dir, QueueOptions::default()).unwrap();
    let source: Arc<dyn Source> = Arc::new(LocalSource::new(queue.clone()));
    let store = Store::open(bench.options.clone(), Arc::clone(&source)).unwrap();
    append(&queue, &lines(0, 100));
    wait_until("the first rows", || found(&store).len() == 100);
    let appended = Instant::now();
    append(&queue, &lines(100, 100));
    wait_until("the next rows", || found(&store).len() == 200);
    assert!(appended.elapsed() < Duration::from_secs(1), "{:?}", appended.elapsed());
    drop(store);
    let store = Store::open(bench.options.clone(), source).unwrap();
    wait_until("the rows again", || found(&store).len() == 200);
    assert!(store.shutdown(PATIENCE));
    assert_eq!(store.stats().rows, 200);
    let told: Vec<_> = queue
        .partitions()
        .iter()
        .filter_map(|p| queue.position("store", &p.topic, p.partition))
        .collect();
    assert_eq!(told.iter().sum::<u64>(), 200);
}

#[test]
fn what_is_erased_from_the_queue_before_it_is_taken_becomes_no_row_and_no_loss() {
    let bench = Bench::new(0);
    let queue = Queue::open(&bench.dir.path().join("queue"), QueueOptions::default()).unwrap();
    append(&queue, &lines(0, 10));
    let source: Arc<dyn Source> = Arc::new(LocalSource::new(queue.clone()));
    let info = queue.partitions().into_iter().find(|info| info.end_offset > 0).unwrap();
    let gone = std::collections::BTreeSet::from([2, 3, 9, 70]);
    let erased = source
        .erase(&info.topic, info.partition, info.incarnation, &gone)
        .unwrap();
    assert_eq!((erased.records, erased.missing), (3, 1));
    let store = Store::open(bench.options.clone(), source).unwrap();
    wait_until("the other rows", || found(&store).len() == 7);
    assert!(store.shutdown(PATIENCE));
    assert_eq!(store.stats().rows, 7);
    assert!(store.catalog().gaps().unwrap().is_empty());
    let view = store.catalog().ledger().unwrap();
    let accounts = view
        .accounts(&crate::catalog::LedgerFilter::default(), None, 10, 10)
        .unwrap();
    let gaps: Vec<_> = accounts.iter().flat_map(|account| &account.gaps).collect();
    let erased = gaps.iter().filter(|gap| gap.reason == "erased").count();
    assert_eq!((erased, gaps.len()), (gaps.len(), gaps.len()), "{gaps:?}");
    assert!(erased > 0);
}

/// Serves a test's queue as a collector would.
#[derive(Debug)]
struct Service(Arc<TestQueue>);

#[tonic::async_trait]
impl queue_server::Queue for Service {
    async fn partitions(&self, _: Request<v1::PartitionsRequest>) -> Result<Response<v1::PartitionsResponse>, Status> {
        let found = self.0.partitions().map_err(status)?;
        let partitions = found.iter().map(to_wire).collect();
        Ok(Response::new(v1::PartitionsResponse { partitions }))
    }

    async fn fetch(&self, request: Request<v1::FetchRequest>) -> Result<Response<v1::FetchResponse>, Status> {
        let request = request.into_inner();
        let queue = Arc::clone(&self.0);
        let fetched = tokio::task::spawn_blocking(move || {
            let incarnation = request.incarnation_id.as_ref().try_into().unwrap();
            let from = FetchFrom {
                topic: &request.topic,
                partition: request.partition,
                incarnation,
                offset: request.offset,
                bytes_max: request.bytes_max,
                wait: Duration::from_millis(request.wait_ms.into()),
            };
            let fetched = queue.fetch(&from)?;
            Ok((fetched, queue.partitions()?.swap_remove(request.partition as usize)))
        });
        let (fetched, partition) = fetched.await.unwrap().map_err(status)?;
        Ok(Response::new(v1::FetchResponse {
            partition: Some(to_wire(&partition)),
            record_batches: fetched.batches,
            next_offset: fetched.next_offset,
        }))
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Result<Response<v1::CommitResponse>, Status> {
        let request = request.into_inner();
        let incarnation = request.incarnation_id.as_ref().try_into().unwrap();
        let committed = self
            .0
            .commit(&request.topic, request.partition, incarnation, request.offset);
        committed.map_err(status)?;
        Ok(Response::new(v1::CommitResponse {}))
    }

    async fn erase(&self, request: Request<v1::EraseRequest>) -> Result<Response<v1::EraseResponse>, Status> {
        let request = request.into_inner();
        let incarnation = request.incarnation_id.as_ref().try_into().unwrap();
        let ranges = request.first_offsets.iter().zip(&request.counts);
        let gone = ranges.flat_map(|(first, count)| *first..first + count).collect();
        let erased = self.0.erase(&request.topic, request.partition, incarnation, &gone);
        Ok(Response::new(v1::EraseResponse {
            records: erased.map_err(status)?.records,
            ..v1::EraseResponse::default()
        }))
    }

    async fn agents(&self, _: Request<v1::AgentsRequest>) -> Result<Response<v1::AgentsResponse>, Status> {
        Ok(Response::new(v1::AgentsResponse::default()))
    }
}

fn to_wire(info: &timberline_queue::PartitionInfo) -> v1::PartitionInfo {
    v1::PartitionInfo {
        topic: info.topic.clone(),
        partition: info.partition,
        incarnation_id: info.incarnation.0.to_vec().into(),
        start_offset: info.start_offset,
        end_offset: info.end_offset,
    }
}

fn status(error: SourceError) -> Status {
    match error {
        SourceError::OtherIncarnation { .. } => Status::failed_precondition(error.to_string()),
        SourceError::OutOfRange { .. } => Status::out_of_range(error.to_string()),
        SourceError::NoPartition { .. } => Status::not_found(error.to_string()),
        SourceError::Unavailable(what) => Status::unavailable(what),
    }
}

#[test]
fn records_of_a_collector_elsewhere_are_found_and_another_incarnation_is_noticed() {
    let bench = Bench::new(2);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(1)
        .build()
        .unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = queue_server::QueueServer::new(Service(Arc::clone(&bench.queue)));
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    runtime.spawn(
        tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );

    let files = timberline_proto::tls::MachineFiles::new(bench.options.data_dir.join("pki"));
    let credentials = timberline_proto::tls::Credentials::new(files, None);
    let source = RemoteSource::new(&address, &credentials, runtime.handle().clone()).unwrap();
    let store = Store::open(bench.options.clone(), Arc::new(source.clone())).unwrap();
    bench.queue.append(0, &lines(0, 10));
    bench.queue.append(1, &lines(10, 10));
    bench.check_found(&store);
    store.flush().unwrap();
    wait_until("the collector to be told", || bench.queue.committed(1) == 10);
    bench.queue.append(0, &lines(20, 10));
    bench.check_found(&store);
    let incarnation = bench.queue.partitions().unwrap()[0].incarnation;
    let gone = [10, 11, 12, 15, 900].into();
    let erased = source.erase(queue::TOPIC, 0, incarnation, &gone).unwrap();
    assert_eq!(erased.records, 4);
    bench.queue.lose(0);
    bench.queue.append(0, &lines(50, 3));
    bench.check_found(&store);
    assert_eq!(store.catalog().alerts().unwrap().len(), 1);
    assert!(store.shutdown(PATIENCE));
}
