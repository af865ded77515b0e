import com.google.rpc.ErrorInfo;
import heqi.v1.GuaranteeServiceGrpc;
import heqi.v1.GuaranteeServiceOuterClass.CheckGuaranteeRequest;
import heqi.v1.RecordOuterClass.ListValue;
import heqi.v1.RecordOuterClass.NamedValue;
import heqi.v1.RecordOuterClass.Record;
import heqi.v1.RecordOuterClass.Value;
import heqi.v1.RecordServiceGrpc;
import heqi.v1.RecordServiceOuterClass.AppendRecordsRequest;
import heqi.v1.RecordServiceOuterClass.AppendRecordsResponse;
import heqi.v1.RecordServiceOuterClass.GetLastSequenceRequest;
import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;

/** A trading system's client (docs/integrate.md): ADDRESS MEMBER FOLDER append CLIENT [SEQUENCE] | check FILE. */
public class Client {
  public static void main(String[] args) throws IOException {
    ManagedChannel channel = connect(args[0], args[1], Path.of(args[2]));
    try {
      if (args[3].equals("append")) {
        append(channel, args[4], args.length > 5 ? Long.parseLong(args[5]) : 0);
      } else {
        check(channel, Files.readString(Path.of(args[4])).strip());
      }
    } catch (StatusRuntimeException | CompletionException refusal) {
      explain(refusal);
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }

  /** Mutual TLS: the node's key is pinned by its anchor, this system shows the operator's certificate. */
  static ManagedChannel connect(String address, String member, Path folder) throws IOException {
    var credentials = TlsChannelCredentials.newBuilder()
        .trustManager(folder.resolve("node.pem").toFile())
        .keyManager(folder.resolve("cert.pem").toFile(), folder.resolve("key.pem").toFile())
        .build();
    return Grpc.newChannelBuilder(address, credentials)
        .overrideAuthority(member + ".heqi")
        .maxInboundMessageSize(16 << 20)
        .build();
  }

  /** Append a message and wait until it is final. */
  static void append(ManagedChannel channel, String client, long sequence) {
    if (sequence == 0) {
      var asked = GetLastSequenceRequest.newBuilder().setClientId(client).build();
      var service = RecordServiceGrpc.newBlockingStub(channel).withDeadlineAfter(15, TimeUnit.SECONDS);
      sequence = service.getLastSequence(asked).getSequence() + 1;
    }
    var message = AppendRecordsRequest.newBuilder().setClientId(client).setSequence(sequence)
        .setAwaitFinal(true).addRecords(tender("ZB-2026-" + sequence)).build();
    var done = new CompletableFuture<Void>();
    var answers = new StreamObserver<AppendRecordsResponse>() {
      @Override public void onNext(AppendRecordsResponse answer) { show(answer); }
      @Override public void onError(Throwable refusal) { done.completeExceptionally(refusal); }
      @Override public void onCompleted() { done.complete(null); }
    };
    var service = RecordServiceGrpc.newStub(channel).withDeadlineAfter(10, TimeUnit.MINUTES);
    var requests = service.appendRecords(answers);
    requests.onNext(message);
    requests.onCompleted();
    done.join();
  }

  static void show(AppendRecordsResponse answer) {
    if (answer.hasAccepted()) {
      var accepted = answer.getAccepted();
      System.out.printf("ACCEPTED %d: %d from %d, %d parked%n", answer.getSequence(),
          accepted.getRecordCount(), accepted.getFirstPosition(), accepted.getParkedCount());
    } else {
      System.out.printf("FINAL %d: log size %d%n", answer.getSequence(), answer.getFinal().getLogSize());
    }
  }

  /** A record with typed fields; a message that is sent again must hold the same. */
  static Record tender(String number) {
    var districts = ListValue.newBuilder()
        .addValues(Value.newBuilder().setText("虚构区")).addValues(Value.newBuilder().setText("示例区"));
    return Record.newBuilder().setCategory("trade.tender").setThing(number).setSourceSystem("example")
        .setOccurred("2026-03-01T09:30:00+08:00")
        .addFields(field("title", Value.newBuilder().setText("虚构路道路工程")))
        // Amounts are in yuan, never in ten thousand yuan: heqi catalogue show trade.tender.
        .addFields(field("value_amount", Value.newBuilder().setDecimal("12800000.00")))
        .addFields(field("value_currency", Value.newBuilder().setText("CNY")))
        .addFields(field("tender_period_end", Value.newBuilder().setDate("2026-03-23")))
        .addFields(field("lots", Value.newBuilder().setList(districts)))
        .build();
  }

  static NamedValue.Builder field(String name, Value.Builder value) {
    return NamedValue.newBuilder().setName(name).setValue(value);
  }

  /** Check a guarantee file. */
  static void check(ManagedChannel channel, String file) {
    var service = GuaranteeServiceGrpc.newBlockingStub(channel).withDeadlineAfter(15, TimeUnit.SECONDS);
    var answer = service.checkGuarantee(CheckGuaranteeRequest.newBuilder().setFile(file).build());
    System.out.printf("%s: %s%n", answer.getVerdict(), answer.getReason());
    if (answer.hasTerms()) {
      var terms = answer.getTerms();
      System.out.printf("%s %s for section %s%n", terms.getAmount(), terms.getCurrency(), terms.getSection());
    }
  }

  /** Show why a call was refused: the reason is stable, the message is for people. */
  static void explain(Throwable refusal) throws IOException {
    var info = ErrorInfo.getDefaultInstance();
    for (var detail : StatusProto.fromThrowable(refusal).getDetailsList()) {
      info = detail.is(ErrorInfo.class) ? detail.unpack(ErrorInfo.class) : info;
    }
    var status = Status.fromThrowable(refusal);
    System.err.printf("REFUSED %s %s: %s (%s)%n", status.getCode(), info.getReason(), status.getDescription(),
        info.getMetadataOrDefault("advice", ""));
  }
}
