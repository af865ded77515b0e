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
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A trading system's client: docs/integrate.md explains it. */
public class Client {
  public static void main(String[] args) throws Exception {
    if (args.length < 5) {
      System.err.println("Client ADDRESS MEMBER FOLDER append CLIENT [SEQUENCE] | ... check FILE");
      System.exit(2);
    }
    ManagedChannel channel = connect(args[0], args[1], Path.of(args[2]));
    try {
      if (args[3].equals("append")) {
        append(channel, args[4], args.length > 5 ? Long.parseLong(args[5]) : 0);
      } else {
        check(channel, Files.readString(Path.of(args[4])).strip());
      }
    } catch (StatusRuntimeException refusal) {
      explain(refusal);
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }

  static ManagedChannel connect(String address, String member, Path folder) throws IOException {
    var credentials = TlsChannelCredentials.newBuilder()
        .trustManager(folder.resolve("node.pem").toFile())
        .keyManager(folder.resolve("operator.cert.pem").toFile(), folder.resolve("operator.key.pem").toFile())
        .build();
    return Grpc.newChannelBuilder(address, credentials)
        .overrideAuthority(member + ".heqi")
        .maxInboundMessageSize(16 << 20)
        .build();
  }

  static void append(ManagedChannel channel, String client, long sequence) {
    if (sequence == 0) {
      var asked = GetLastSequenceRequest.newBuilder().setClientId(client).build();
      sequence = 1 + RecordServiceGrpc.newBlockingStub(channel)
          .withDeadlineAfter(15, TimeUnit.SECONDS).getLastSequence(asked).getSequence();
    }
    var message = AppendRecordsRequest.newBuilder()
        .setClientId(client).setSequence(sequence).setAwaitFinal(true)
        .addRecords(tender("ZB-2026-" + sequence)).build();
    var done = new CompletableFuture<Void>();
    var requests = RecordServiceGrpc.newStub(channel).withDeadlineAfter(10, TimeUnit.MINUTES)
        .appendRecords(new StreamObserver<AppendRecordsResponse>() {
          @Override public void onNext(AppendRecordsResponse answer) {
            if (answer.hasAccepted()) {
              var accepted = answer.getAccepted();
              System.out.printf("ACCEPTED %d: %d records from position %d, %d parked%n", answer.getSequence(),
                  accepted.getRecordCount(), accepted.getFirstPosition(), accepted.getParkedCount());
            } else {
              System.out.printf("FINAL %d: log size %d%n", answer.getSequence(), answer.getFinal().getLogSize());
            }
          }
          @Override public void onError(Throwable error) { done.completeExceptionally(error); }
          @Override public void onCompleted() { done.complete(null); }
        });
    requests.onNext(message);
    requests.onCompleted();
    try {
      done.join();
    } catch (java.util.concurrent.CompletionException error) {
      throw (StatusRuntimeException) error.getCause();
    }
  }

  static Record tender(String number) {
    var districts = ListValue.newBuilder();
    Stream.of("虚构区", "示例区").forEach(name -> districts.addValues(Value.newBuilder().setText(name)));
    return Record.newBuilder()
        .setCategory("trade.tender").setThing(number).setSourceSystem("example")
        .setOccurred("2026-03-01T09:30:00+08:00")
        .addFields(field("title", Value.newBuilder().setText("虚构路道路工程")))
        .addFields(field("ceiling_price", Value.newBuilder().setDecimal("12800000.00")))
        .addFields(field("opening_date", Value.newBuilder().setDate("2026-03-23")))
        .addFields(field("districts", Value.newBuilder().setList(districts)))
        .build();
  }

  static NamedValue field(String name, Value.Builder value) {
    return NamedValue.newBuilder().setName(name).setValue(value).build();
  }

  static void check(ManagedChannel channel, String file) {
    var answer = GuaranteeServiceGrpc.newBlockingStub(channel).withDeadlineAfter(15, TimeUnit.SECONDS)
        .checkGuarantee(CheckGuaranteeRequest.newBuilder().setFile(file).build());
    System.out.printf("%s: %s%n", answer.getVerdict(), answer.getReason());
    if (answer.hasTerms()) {
      System.out.printf("%s %s for section %s%n", answer.getTerms().getAmount(),
          answer.getTerms().getCurrency(), answer.getTerms().getSection());
    }
  }

  static void explain(StatusRuntimeException refusal) throws IOException {
    String reason = "", advice = "";
    for (var detail : StatusProto.fromThrowable(refusal).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        var info = detail.unpack(ErrorInfo.class);
        reason = info.getReason();
        advice = info.getMetadataOrDefault("advice", "");
      }
    }
    System.err.printf("REFUSED %s %s: %s (%s)%n", refusal.getStatus().getCode(), reason,
        refusal.getStatus().getDescription(), advice);
  }
}
